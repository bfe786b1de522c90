"""`rota stop`: everything ends, in every status, and nothing new starts until it is thawed."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.stack import open_stack
from tests.workers.cli.busy import AGENTS, Busy
from tests.workers.cli.command_line import end_of, start
from tests.workflows.gates import poll
from workers.cli.exit_codes import ExitCode
from workers.devserver import dev_server
from workers.stopping import open_runs


@pytest.fixture
async def busy(tmp_path: Path) -> AsyncIterator[Busy]:
    """A namespace of one's own: `--all` means every keeper there is."""
    async with dev_server() as server:
        yield Busy(await open_stack(server.address, tmp_path))


@pytest.mark.parametrize("each", [2, pytest.param(10, marks=pytest.mark.soak, id="a hundred runs")])
async def test_stop_ends_runs_in_every_status_and_confirms_it(
    busy: Busy, monkeypatch: pytest.MonkeyPatch, each: int
) -> None:
    """Nothing starts meanwhile, providers stop, and thawed everything runs again."""
    async with busy.working(each, monkeypatch):
        names = {*AGENTS, "night"}
        would = await busy.rota("stop", "--all", "--json")
        assert (would.code, len(would.json["runs"])) == (ExitCode.WRONG, busy.runs)
        assert set(would.json["agents"]) == names
        assert dict(await busy.now()) == busy.statuses, "it only said so"
        began = time.monotonic()
        ended = await busy.rota("stop", "--all", "--confirm", "--by", "ann", "--json")
        took = time.monotonic() - began
        late = await busy.stack.run("alone", "alone-late")
        thawed = await busy.rota("thaw", "--all", "--json")
        busy.gate.opened.set()
        again = await busy.stack.run("alone", "alone-again")
        listed = await busy.rota("runs", "--limit", "1000", "--json")
    assert ended.code == ExitCode.OK, ended.err
    assert ended.json["confirmed"] is True
    assert ended.json["runs"] == {"asked": busy.runs, "open": []}
    assert f"{busy.runs} of {busy.runs} runs have ended" in ended.err
    assert len(busy.provider.sessions) == busy.provider.stops == each
    assert all(session.stopped for session in busy.provider.sessions.values())
    assert (late.status, late.reason) == ("skipped", "frozen by ann: stopped")
    assert {agent["agent"] for agent in thawed.json if agent["before"]} == names
    assert again.status == "succeeded"
    statuses = {run["run_id"]: run["status"] for run in listed.json}
    assert statuses.pop("alone-again") == "succeeded"
    assert statuses.pop("alone-late") == "skipped"
    assert set(statuses.values()) == {"cancelled"}
    assert took < 30, "ten seconds on a quiet machine"


async def test_stop_lists_what_no_provider_confirmed_and_ends_with_1(
    busy: Busy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `rota doctor` does, with what to do about it."""
    busy.provider.confirms = False
    async with busy.working(2, monkeypatch):
        ended = await busy.rota("stop", "--all", "--confirm", "--json")
        told = await busy.rota("stop", "--all", "--confirm", "--reason", "leak")
    assert ended.code == told.code == ExitCode.FAILED
    assert (ended.json["confirmed"], ended.json["runs"]["open"]) == (False, [])
    assert [check["name"] for check in ended.json["unstopped"]] == ["unstopped work of session"] * 2
    assert "may still work for session-0" in told.out
    assert "rota doctor --stopped session-0" in told.out


async def test_interrupted_stop_leaves_everything_frozen_and_says_so(
    busy: Busy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C ends the waiting, not the stop."""
    async with busy.working(2, monkeypatch):
        process = start("stop", "--all", "--confirm", "--reason", "leak", *busy.options)
        assert process.stderr is not None
        line = await asyncio.to_thread(process.stderr.readline)
        process.send_signal(signal.SIGINT)
        ended = await end_of(process)
        late = await busy.stack.run("alone", "alone-late")
    assert "are frozen: nothing new starts" in line
    assert ended.code == ExitCode.INTERRUPTED
    assert "the freeze stays" in ended.err
    assert "'rota thaw --all' lets runs start again" in ended.err
    assert late.reason.endswith(": leak")


async def test_drained_namespace_ends_well_and_starts_nothing_new(
    busy: Busy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Frozen without a cancel: nodes and handoffs at work end, the queue stands still."""
    async with busy.working(2, monkeypatch):
        frozen = await busy.rota("freeze", "--all", "--reason", "drain", "--by", "ann")
        assert frozen.code == ExitCode.OK, frozen.err
        busy.gate.opened.set()

        async def drained() -> bool | None:
            left = {run.id.split("/")[0].rsplit("-", 1)[0] for run in await open_runs(client)}
            return left <= {"queue", "asks", "approved", "parks", "session"} or None

        client = busy.stack.client
        await poll(drained, 60)
        queued = (await busy.now())["queued"]
        nights = await busy.rota("runs", "--pipeline", "night", "--limit", "100", "--json")
        late = await busy.stack.run("alone", "alone-late")
        await busy.rota("thaw", "--all")

        async def moved() -> bool | None:
            return (await busy.now())["queued"] == 0 or None

        await poll(moved, 60)
    assert queued == 1
    assert {run["status"] for run in nights.json} == {"succeeded"}
    assert late.status == "skipped"
