"""Archive, holds, erasure and garbage collection of real runs, with the server and without it."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from temporalio.testing import ActivityEnvironment

from activities.archiving import ArchivingActivities
from activities.audit.archive_store import find_archive
from activities.audit.closed_runs import last_execution, ledger_closed
from activities.audit.marking import listing
from activities.stores.base import ObjectMissingError
from rota.archive import ArchiveOrder
from rota.audit.references import digests_in_histories
from rota.connections import Connections
from rota.ids import keeper_id, keeper_queue
from rota.pinned_spec import PinnedSpec
from rota.runs import RunStatus
from rota.watchdog.looks import WatchOrder
from rota.watchdog.memory import WatchMemory
from tests.approving import Ledger, decide, open_approvals, posting
from tests.stack import Stack, script
from tests.workers.cli.archived_runs import archived, collected, forget, run_rota
from tests.workers.cli.command_line import rota
from workers.audit.archived import read_archive
from workers.cli.exit_codes import ExitCode
from workers.devserver import DevServer, dev_server

REMEMBER = {"calls": [{"tool": "memory.update", "args": {"patch": {"last": "DE12"}}}]}


@pytest.fixture(scope="module")
async def server() -> AsyncIterator[DevServer]:
    """One without the runs of other tests, whose histories garbage collection would read."""
    async with dev_server() as running:
        yield running


async def test_run_that_the_server_forgot_is_handed_over_then_held_then_erased(
    stack: Stack, tmp_path: Path
) -> None:
    """The archive gives the same chain; erased, it still verifies, and shows nothing."""
    (stack.folder / "fleet.yaml").write_text("name: test\naudit: {retention: {default: 400d}}\n")
    agent = stack.name("teller")
    run, bundle = f"{agent}/1", tmp_path / "bundle"
    async with stack.worker():
        await stack.declare(
            agent,
            runtime=script(REMEMBER, {"result": {"told": "nobody else"}}),
            tools=["memory.update"],
        )
        assert (await stack.run(agent, run)).status is RunStatus.SUCCEEDED
        before = await run_rota(stack, "audit", "export", run, "-o", str(tmp_path / "a"), "--json")
        await archived(stack, agent, 1)
        await forget(stack, run)
        after = await run_rota(stack, "audit", "export", run, "-o", str(bundle), "--json")
        assert after.code == ExitCode.OK, after.err
        assert after.json["head"] == before.json["head"]
        assert (before.json["archived"], after.json["archived"]) == (False, True)
        kept = json.loads((bundle / "manifest.json").read_text())["keeping"]
        assert (kept["retention"], kept["until"] is not None) == ("default", True)
        shown = await run_rota(stack, "audit", "show", run, "-o", str(tmp_path / "run.html"))
        assert shown.code == ExitCode.OK, shown.err
        assert "nobody else" in (tmp_path / "run.html").read_text()

        swept = await run_rota(stack, "gc", "--dry-run", "--json")
        assert (swept.code, swept.json["swept"], swept.json["removed"]) == (0, True, 0)
        hasty = await run_rota(stack, "gc", "--grace", "1h")
        assert (hasty.code, "at least 1d" in hasty.err) == (ExitCode.WRONG, True)

        held = await run_rota(stack, "audit", "hold", run, "--reason", "suit", "--json")
        erase = ("audit", "erase", run, "--reason", "request 77", "--by", "dpo")
        refused = await run_rota(stack, *erase)
        assert (refused.code, "has " + run + " held: suit" in refused.err) == (1, True)
        assert held.json["id"] in (await run_rota(stack, "audit", "holds")).out
        (listed,) = (await run_rota(stack, "audit", "list", "--agent", agent, "--json")).json
        assert (listed["run_id"], listed["keeping"]["holds"][0]["reason"]) == (run, "suit")
        assert "default" in (await run_rota(stack, "audit", "list")).out
        await run_rota(stack, "audit", "release", held.json["id"], "--reason", "over")
        assert (await run_rota(stack, "audit", "holds", "--json")).json == []

        plan = await run_rota(stack, *erase, "--dry-run", "--json")
        done = await run_rota(stack, *erase, "--json")
        assert done.code == ExitCode.OK, done.err
        assert (done.json["objects"], done.json["refs"]) == (
            plan.json["objects"],
            plan.json["refs"],
        )
        assert done.json["objects"] > 0
        assert done.json["destruction"]["by"] == "dpo"
        state = await stack.keeper(agent)
        memory = state.session("default").memory
        assert done.json["kept"] > 0
        assert memory is not None
        assert await stack.store.get(memory)

        gone = tmp_path / "gone"
        chain = await run_rota(stack, "audit", "export", run, "-o", str(gone), "--json")
        assert (chain.code, chain.json["head"]) == (ExitCode.OK, before.json["head"]), chain.err
        checked = await rota("audit", "verify", str(gone))
        assert checked.code == ExitCode.OK
        assert "pieces of content were erased" in checked.out
        assert not any("nobody else" in each.read_text() for each in gone.glob("*.json*"))
        hidden = await run_rota(stack, "audit", "show", run)
        assert (hidden.code, "erased by dpo" in hidden.err) == (ExitCode.FAILED, True)
        # The session goes on from what it remembers.
        assert (await stack.run(agent, f"{agent}/2")).status is RunStatus.SUCCEEDED
        last = ("audit", "erase", f"{agent}/2", "--reason", "request 78")
        refs = await stack.store.list_refs("")
        plan = await run_rota(stack, *last, "--dry-run", "--json")
        assert plan.code == ExitCode.OK, plan.err
        assert await stack.store.list_refs("") == refs
        second = await run_rota(stack, *last)
        assert second.code == ExitCode.OK, second.err
        assert f"{plan.json['objects']} objects" in second.out
        assert "not within reach" in second.err
        left = await find_archive(stack.store, f"{agent}/2")
        assert left is not None
        assert (left.content, left.destroyed is not None) == (None, True)


async def test_run_and_keeper_that_continued_as_new_are_archived_and_kept_whole(
    hasty: Stack, tmp_path: Path
) -> None:
    """All executions are in the archive, which is found by any of them; the memory goes on."""
    agent = hasty.name("reader")
    async with hasty.worker():
        await hasty.declare(
            agent,
            runtime=script(*[REMEMBER] * 6, {"result": 1}),
            tools=["memory.update"],
        )
        result = await hasty.run(agent, f"{agent}/1")
        await collected(hasty, 30)
        await archived(hasty, agent, 1)
        again = await run_rota(hasty, "audit", "archive", "--agent", agent, "--json")
        assert (again.json["archived"], again.json["skipped"]) == (0, 1)
        run = await find_archive(hasty.store, f"{agent}/1")
        assert run is not None
        _, record = await read_archive(hasty.store, run)
        assert len(record.executions) > 1
        assert record.notes == ()
        before = await listing(hasty.store)
        named = digests_in_histories(record.executions) & before.keys()
        assert len(named) > 6
        await collected(hasty, 30)
        assert named <= (await listing(hasty.store)).keys()
        assert await hasty.store.get(result.memory or "")
        # By the ledger alone, and by a workflow id that means another run by now.
        ledger = await ledger_closed(hasty.client, hasty.store, {agent: None})
        assert (ledger.silent, [each.run for _, each in ledger.entries]) == (set(), [run.run])
        assert (await hasty.run(agent, f"{agent}/1")).status is RunStatus.SUCCEEDED
        last = await last_execution(hasty.client, run.run)
        assert last is not None
        assert last.run_id == record.executions[-1].run_id
        hold = ("audit", "hold", f"{agent}/1", "--reason", "suit")
        refused = await run_rota(hasty, *hold)
        assert (refused.code, run.run.key in refused.err) == (ExitCode.WRONG, True)
        assert "was 2 runs: say which with --run-key" in refused.err
        held = await run_rota(hasty, *hold, "--run-key", run.run.key, "--json")
        assert (held.code, held.json["run"]) == (ExitCode.OK, run.run.key)
        unknown = await run_rota(hasty, *hold, "--run-key", str(uuid4()))
        assert unknown.code == ExitCode.NOT_FOUND


async def test_garbage_collection_takes_nothing_from_runs_at_work_or_not_yet_archived(
    stack: Stack, tmp_path: Path
) -> None:
    """A month later: an open run with an input of its own goes on, an ended one is whole."""
    agent = stack.name("poster")
    turns: list[dict[str, Any]] = [{"calls": [posting("DE12")]}, REMEMBER, {"result": {"ok": 1}}]
    async with stack.worker(Ledger().tools):
        await stack.declare(
            agent,
            runtime=script(*turns),
            tools=["ledger.post", "memory.update"],
            approvals={"ledger.post": "always"},
        )
        ended = await stack.start(agent, f"{agent}/1")
        (pending,) = await open_approvals(ended)
        await decide(ended, pending)
        await ended.result()
        waiting = await stack.start(agent, f"{agent}/2", input={"long": "x" * 100_000})
        (pending,) = await open_approvals(waiting)
        waste = await stack.store.put(b"nobody refers to this")
        report = await collected(stack, 30)
        assert (report.swept, report.undecided) == (True, ())
        with pytest.raises(ObjectMissingError):
            await stack.store.get(waste)
        await decide(waiting, pending)
        assert (await waiting.result()).status is RunStatus.SUCCEEDED
        for number in (1, 2):
            folder = str(tmp_path / str(number))
            told = await run_rota(
                stack, "audit", "export", f"{agent}/{number}", "-o", folder, "--json"
            )
            assert (told.code, told.json["notes"]) == (ExitCode.OK, [])


async def test_run_archived_by_a_worker_goes_when_its_retention_is_over(stack: Stack) -> None:
    """With all it left behind; the agent's memory stays."""
    agent = stack.name("teller")
    async with stack.worker():
        await stack.declare(agent, runtime=script(REMEMBER, {"result": 1}), tools=["memory.update"])
        handle = await stack.start(agent, f"{agent}/1")
        result = await handle.result()
        archiving = ArchivingActivities(stack.client, stack.store, Connections())
        order = ArchiveOrder(fleet="test", agents=(agent,))
        while not (await ActivityEnvironment().run(archiving.archive_runs, order)).skipped:
            pass
        key = handle.first_execution_run_id or ""
        report = await collected(stack, 500, default=timedelta(days=400))
        assert (report.expired, report.swept) == ((f"{agent}/1",), True)
        assert report.removed > 0
        assert await stack.store.get(result.memory)
        left = [name for name in await stack.store.list_refs("") if key in name]
        assert left == [f"audit/expired/{key}"]
        again = await ActivityEnvironment().run(archiving.archive_runs, order)
        assert (again.archived, again.lag_seconds) == (0, 0)
        assert (await stack.run(agent, f"{agent}/2")).status is RunStatus.SUCCEEDED


async def test_watchdog_has_closed_runs_archived(stack: Stack) -> None:
    """Those of its fleet, by a worker of the runs' queue."""
    agent, fleet = stack.name("teller"), stack.name("fleet")
    async with stack.worker():
        spec = await stack.declare(agent, runtime=script({"result": 1}))
        keeper = stack.client.get_workflow_handle(keeper_id(agent))
        await keeper.execute_update("declare", PinnedSpec.of(spec, fleet=fleet))
        await stack.run(agent, f"{agent}/1")
        # Taken out of its files: nobody looks at it any more, but its runs are the fleet's.
        await keeper.execute_update("retire")
        memory = WatchMemory()
        while (run := await find_archive(stack.store, f"{agent}/1")) is None:
            memory = await stack.client.execute_workflow(
                "Watchdog",
                WatchOrder(fleet=fleet, task_queue=stack.task_queue),
                id=f"{fleet}-watchdog",
                task_queue=keeper_queue(stack.task_queue),
                result_type=WatchMemory,
            )
        assert run.run.id == f"{agent}/1"
        assert memory.archive is not None
        assert (memory.archive.archived, memory.archive.lag_seconds) == (1, 0)
