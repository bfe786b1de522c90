"""Needs on the real server: watchers, one re-run for all, whoever vanishes."""

from datetime import UTC, datetime
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError, WorkflowHandle, WorkflowUpdateFailedError

import workflows.agent
from rota.coordination.upstream import NeedAnswer, NeedRequest, UpstreamState
from rota.ids import keeper_id, keeper_queue
from rota.keepers.admission import RunRef
from rota.runs import RunStatus, Trigger
from tests.replay.scenarios import chain
from tests.stack import Stack, script
from tests.workflows.gates import GATED, Gate, until
from tests.workflows.watched import look_often, message_events, upstream_settled

SLOT = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
HOURLY: dict[str, Any] = {"schedule": {"cron": "0 * * * *"}}
DONE = script({"result": "done"})
BROKEN = script({"calls": [{"tool": "not.there"}]})
SIDE_BY_SIDE: dict[str, Any] = {**GATED, "session": {"concurrency": "parallel"}}


async def need(
    stack: Stack, upstream: str, waiter: WorkflowHandle[Any, Any], **request: Any
) -> NeedAnswer:
    """Ask the upstream's keeper on behalf of an open run."""
    ref = RunRef(id=waiter.id, key=waiter.first_execution_run_id or "")
    asked = {"waiter": ref, "slot": SLOT, "within_seconds": 3600.0, **request}
    keeper = stack.client.get_workflow_handle(keeper_id(upstream))
    request_made = NeedRequest.model_validate(asked)
    return await keeper.execute_update("need", request_made, result_type=NeedAnswer)


async def waiters(stack: Stack, count: int) -> list[WorkflowHandle[Any, Any]]:
    """Open runs of another agent, for whom needs can be asked."""
    name = stack.name("mail")
    await stack.declare(name, **SIDE_BY_SIDE)
    return [await stack.start(name, f"{name}-{number}") for number in range(count)]


async def failed(stack: Stack, name: str) -> str:
    """Have the slot's run fail; return its key."""
    await stack.declare(name, runtime=BROKEN, **HOURLY)
    run = await stack.start(name, f"{name}-1", slot=SLOT.isoformat())
    with pytest.raises(WorkflowFailureError):
        await run.result()
    return run.first_execution_run_id or ""


async def test_two_runs_that_need_one_failed_slot_get_exactly_one_rerun(stack: Stack) -> None:
    """Both saw the same failure, both ask, both hear of the one re-run's success."""
    name, gate = stack.name("report"), Gate()
    async with stack.worker([gate.tool]):
        key = await failed(stack, name)
        await stack.declare(name, runtime=DONE, **HOURLY)
        both = await waiters(stack, 2)
        first = [await need(stack, name, run) for run in both]
        again = [await need(stack, name, run, rerun_of=key) for run in both]
        heard = [await upstream_settled(stack, run) for run in both]
        state = await until(stack, name, lambda state: not state.orders)
        gate.opened.set()
    assert [answer.state for answer in first] == [UpstreamState.FAILED] * 2
    assert [answer.found and answer.found.run.key for answer in first] == [key] * 2
    assert again[0].state is UpstreamState.PENDING
    runs = [(entry.trigger, entry.status, entry.slot) for entry in state.ledger.values()]
    assert runs == [
        (Trigger.MANUAL, RunStatus.FAILED, SLOT),
        (Trigger.RERUN, RunStatus.SUCCEEDED, SLOT),
    ]
    rerun = f"{name}-rerun-2026-11-22T06:00:00Z-1"
    assert [answer.state for answer in heard] == [UpstreamState.SETTLED] * 2
    assert [answer.found and answer.found.run.id for answer in heard] == [rerun] * 2
    assert [answer.waiter.id for answer in heard] == [run.id for run in both]
    assert state.watchers == ()


async def test_terminated_watcher_is_forgotten_and_the_others_are_told(stack: Stack) -> None:
    """Word to a run that is gone is lost, and does no harm to keeper or waiters."""
    name, gate = stack.name("report"), Gate()
    async with stack.worker([gate.tool]):
        await stack.declare(name, runtime=DONE, **HOURLY)
        gone, there = await waiters(stack, 2)
        missing = [await need(stack, name, run) for run in (gone, there)]
        await gone.terminate("by force")
        await stack.run(name, f"{name}-1", slot=SLOT.isoformat())
        heard = await upstream_settled(stack, there)
        state = await until(stack, name, lambda state: not state.watchers)
        after = await stack.run(name, f"{name}-2")
        gate.opened.set()
    assert {answer.state for answer in missing} == {UpstreamState.MISSING}
    assert heard.found is not None
    assert (heard.state, heard.found.run.id) == (UpstreamState.SETTLED, f"{name}-1")
    assert state.watchers == ()
    assert after.status is RunStatus.SUCCEEDED


async def test_watcher_of_a_terminated_run_is_told_that_it_failed(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The keeper finds out by itself that the run it promised the end of is gone."""
    look_often(monkeypatch)
    name, gate = stack.name("report"), Gate()
    async with stack.worker([gate.tool]):
        await stack.declare(name, **GATED, **HOURLY)
        upstream = await stack.start(name, f"{name}-1", slot=SLOT.isoformat())
        await gate.reached.wait()
        (waiter,) = await waiters(stack, 1)
        pending = await need(stack, name, waiter)
        await upstream.terminate("by force")
        heard = await upstream_settled(stack, waiter)
        gate.opened.set()
    assert (pending.state, pending.reason) == (UpstreamState.PENDING, f"{name}-1 is running")
    assert heard.state is UpstreamState.FAILED
    assert heard.reason == f"{name}-1 is failed: the run was gone: lease reclaimed"


async def test_keeper_continued_as_new_remembers_who_waits(
    hasty: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A watcher outlives executions and pages, and its slot's entries stay at hand."""
    monkeypatch.setattr(workflows.agent, "HOT_ENTRIES", 1)
    name, gate = hasty.name("report"), Gate()
    async with hasty.worker([gate.tool]):
        await hasty.declare(name, runtime=DONE, **HOURLY)
        (waiter,) = await waiters(hasty, 1)
        await need(hasty, name, waiter)
        for number in range(15):
            await hasty.run(name, f"{name}-{number}")
        executions = await chain(hasty.client, keeper_id(name))
        await hasty.run(name, f"{name}-slot", slot=SLOT.isoformat())
        heard = await upstream_settled(hasty, waiter)
        state = await hasty.keeper(name)
        gate.opened.set()
    assert len(executions) > 1
    assert state.paged > 0
    assert heard.found is not None
    assert heard.found.run.id == f"{name}-slot"


async def test_need_of_what_was_never_declared_is_refused(stack: Stack) -> None:
    """The asker gets an error of a known type; the keeper serves on."""
    name, gate = stack.name("nothing"), Gate()
    async with stack.worker([gate.tool]):
        await stack.client.start_workflow(
            "Agent", id=keeper_id(name), task_queue=keeper_queue(stack.task_queue)
        )
        (waiter,) = await waiters(stack, 1)
        with pytest.raises(WorkflowUpdateFailedError) as caught:
            await need(stack, name, waiter)
        await stack.declare(name, runtime=DONE, **HOURLY)
        answer = await need(stack, name, waiter)
        gate.opened.set()
    assert getattr(caught.value.cause, "type", "") == "UnknownAgentError"
    assert answer.state is UpstreamState.MISSING


async def test_waiting_for_a_slot_to_come_costs_the_keeper_no_event(stack: Stack) -> None:
    """No timer and no look-up while there is nobody who could be gone."""
    name, gate = stack.name("report"), Gate()
    async with stack.worker([gate.tool]):
        await stack.declare(name, runtime=DONE, **HOURLY)
        (waiter,) = await waiters(stack, 1)
        before = await message_events(stack, name)
        await need(stack, name, waiter)
        await stack.run(name, f"{name}-1", slot=(SLOT.replace(hour=3)).isoformat())
        added = (await message_events(stack, name))[len(before) :]
        gate.opened.set()
    assert (
        added
        == [
            "workflow_execution_update_accepted",
            "workflow_execution_update_completed",
        ]
        * 3
    )
