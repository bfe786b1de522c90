"""`rota backfill`: past slots, from the command line."""

import asyncio
import signal
import subprocess
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rota.ids import format_slot
from rota.keepers.state import KeeperState
from rota.runs import RunStatus
from tests.stack import Stack, script
from tests.workers.cli.command_line import Ended, end_of, rota, start
from tests.workflows.gates import GATED, Gate, until
from workers.cli.exit_codes import ExitCode

DAY = datetime(2026, 11, 1, tzinfo=UTC)
HOURLY = {"cron": "0 * * * *"}
WINDOW = ("--from", "2026-11-01", "--to", "2026-11-02")
DONE = {"runtime": script({"result": "done"}), "session": {"concurrency": "parallel"}}


def options(stack: Stack) -> tuple[str, ...]:
    """What finds the stack's corner of the server."""
    address = ("--address", stack.address, "--store", stack.store.address)
    return (*address, "--task-queue", stack.task_queue)


async def backfill(stack: Stack, name: str, *arguments: str) -> Ended:
    """Run `rota backfill` for the two days."""
    return await rota("backfill", name, *WINDOW, *arguments, *options(stack))


@pytest.fixture(autouse=True)
def today(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is 20 November 2026, whatever the machine says."""
    monkeypatch.setattr("workers.cli.backfill.now", lambda: DAY + timedelta(days=19))


async def test_backfill_of_48_hourly_slots_with_5_done_runs_43(stack: Stack) -> None:
    """What has succeeded is left out, everything else runs, and a second time nothing does."""
    name = stack.name("hourly")
    async with stack.worker():
        await stack.declare(name, schedule=HOURLY, **DONE)
        done = [format_slot(DAY + timedelta(hours=number)) for number in (0, 7, 8, 30, 47)]
        await asyncio.gather(*(stack.run(name, f"{name}-{at}", slot=at) for at in done))
        dry = await backfill(stack, name, "--dry-run", "--json")
        runs = [each["slot"] for each in dry.json["planned"] if each["verdict"] == "run"]
        assert (len(dry.json["planned"]), len(runs)) == (48, 43)
        assert (await stack.keeper(name)).orders == ()
        ended = await backfill(stack, name, "--max-parallel", "10", "--json")
        assert ended.code == ExitCode.OK, ended.err
        assert ended.json["backfill"]["succeeded"] == 43
        assert [each["slot"] for each in ended.json["slots"]] == runs
        assert {each["status"] for each in ended.json["slots"]} == {"succeeded"}
        again = await backfill(stack, name)
        state = await stack.keeper(name)
    assert (again.code, "0 of 48 slots to run; left out: 48 succeeded" in again.err) == (0, True)
    assert _runs(state) == 48


async def test_backfill_with_a_failed_slot_ends_with_1_and_only_missing_leaves_it(
    stack: Stack,
) -> None:
    """The table tells each slot's run; a failed slot is run again unless it is left out."""
    name = stack.name("failing")
    failing = {
        "runtime": script({"result": "{results.nothing}"}),
        "schedule": {"cron": "0 6 * * *"},
    }
    async with stack.worker():
        await stack.declare(name, **failing)
        ended = await backfill(stack, name)
        missing = await backfill(stack, name, "--only-missing", "--json")
        dry = await backfill(stack, name, "--dry-run")
    assert ended.code == ExitCode.FAILED
    assert f"{name}-backfill-2026-11-01T06:00:00Z" in ended.out
    assert "0 succeeded, 2 failed, 0 skipped" in ended.err
    assert missing.code == ExitCode.OK
    assert {each["found"] for each in missing.json["planned"]} == {"failed"}
    assert "2 of 2 slots to run" in dry.err


async def test_backfill_with_force_runs_what_has_succeeded(stack: Stack) -> None:
    """`--force` means all slots; without it none of them would run."""
    name = stack.name("forced")
    async with stack.worker():
        await stack.declare(name, schedule={"cron": "0 6 * * *"}, **DONE)
        await stack.run(name, f"{name}-1", slot="2026-11-01T06:00:00Z")
        await stack.run(name, f"{name}-2", slot="2026-11-02T06:00:00Z")
        ended = await backfill(stack, name, "--force", "--json")
    assert ended.code == ExitCode.OK, ended.err
    assert ended.json["backfill"]["succeeded"] == 2


async def test_backfill_that_is_interrupted_goes_on_and_is_followed_by_the_same_command(
    stack: Stack,
) -> None:
    """Ctrl-C stops watching only; asking the same again orders nothing twice."""
    name, gate = stack.name("gated"), Gate()
    days = ("backfill", name, "--from", "2025-11-01", "--to", "2025-11-02", *options(stack))
    async with stack.worker([gate.tool]):
        await stack.declare(name, schedule={"cron": "0 6 * * *"}, **GATED)
        process = start(*days)
        await _line(process, "the backfill of 2 slots is begun")
        process.send_signal(signal.SIGINT)
        ended = await end_of(process)
        assert ended.code == ExitCode.INTERRUPTED
        assert "goes on with the backfill of 2 slots" in ended.err
        following = asyncio.ensure_future(rota(*days, "--json"))
        gate.opened.set()
        followed = await following
        state = await until(stack, name, lambda state: not state.orders)
    assert followed.code == ExitCode.OK, followed.err
    assert followed.json["backfill"]["succeeded"] == 2
    assert len(state.backfills) == 1
    assert _runs(state) == 2


def _runs(state: KeeperState) -> int:
    return sum(entry.status is RunStatus.SUCCEEDED for entry in state.ledger.values())


async def _line(process: "subprocess.Popen[str]", text: str) -> None:
    assert process.stderr is not None
    assert text in await asyncio.to_thread(process.stderr.readline)


async def test_backfill_without_waiting_tells_what_is_ordered(stack: Stack) -> None:
    """`--no-wait` returns at once with the runs to come."""
    name, gate = stack.name("nowait"), Gate()
    async with stack.worker([gate.tool]):
        await stack.declare(name, schedule={"cron": "0 6 * * *"}, **GATED)
        ended = await backfill(stack, name, "--no-wait", "--json")
        gate.opened.set()
        await until(stack, name, lambda state: not state.orders)
    assert ended.code == ExitCode.OK, ended.err
    ids = [f"{name}-backfill-2026-11-0{day}T06:00:00Z" for day in (1, 2)]
    assert [each["run_id"] for each in ended.json["slots"]] == ids


WRONG: list[tuple[dict[str, Any], tuple[str, ...], str]] = [
    ({}, WINDOW, "has no schedule"),
    ({"schedule": HOURLY}, ("--from", "2026-11-01", "--to", "2026-13-01"), "no date or time"),
    ({"schedule": HOURLY}, ("--from", "2026-11-25", "--to", "2026-11-26"), "yet to come"),
    ({"schedule": {"every": "1m"}}, WINDOW, "more than 2000 slots"),
    ({"schedule": HOURLY}, (*WINDOW, "--force", "--only-missing"), "choose one"),
]


@pytest.mark.parametrize(("declaration", "arguments", "told"), WRONG)
async def test_backfill_that_cannot_be_asked_for_ends_with_2_and_one_line(
    stack: Stack, declaration: dict[str, Any], arguments: tuple[str, ...], told: str
) -> None:
    """What is wrong is told before anything is ordered."""
    name = stack.name("wrong")
    async with stack.worker():
        await stack.declare(name, **DONE, **declaration)
        ended = await rota("backfill", name, *arguments, *options(stack))
        state = await stack.keeper(name)
    assert (ended.code, ended.out) == (ExitCode.WRONG, "")
    assert told in ended.err
    assert len(ended.err.splitlines()) == 1
    assert state.backfills == ()
