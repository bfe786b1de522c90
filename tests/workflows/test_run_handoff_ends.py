"""A caller that ends takes the run it called with it, and a called run that is lost is told."""

import asyncio
from datetime import timedelta

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError
from temporalio.exceptions import CancelledError

from rota.failures import FailureCategory
from rota.runs import RunStatus
from rota.tools import tool
from tests.stack import Stack, script
from tests.workflows.claude import ending_of, events_of, kinds_of
from tests.workflows.gates import GATED, Gate, poll, until
from tests.workflows.handing import asks, called_run, declare_caller, told_by

SLOW = script({"result": "late", "seconds": 60})


async def closed_last(stack: Stack, name: str, status: RunStatus) -> str:
    """Wait until the newest run of an agent is settled as `status`; gives the reason."""
    state = await until(
        stack,
        name,
        lambda state: bool(state.ledger) and [*state.ledger.values()][-1].status is status,
    )
    return [*state.ledger.values()][-1].reason


async def test_handoff_of_a_cancelled_caller_is_cancelled_and_waited_for(stack: Stack) -> None:
    """The caller closes after the run it called, whose effect is seen to its end."""
    started, done = asyncio.Event(), asyncio.Event()
    effects: list[str] = []

    @tool(name="books.post", effect="write")
    async def post() -> str:
        """Post, slowly."""
        started.set()
        await done.wait()
        effects.append("posted")
        return "posted"

    caller, called = stack.name("caller"), stack.name("called")
    async with stack.worker([post]):
        runtime = script({"calls": [{"tool": "books.post"}]}, {"result": "done"})
        await stack.declare(called, runtime=runtime, tools=["books.post"])
        await declare_caller(stack, caller, called)
        handle = await stack.start(caller, f"{caller}-1")
        child = called_run(stack, f"{caller}-1", called)
        await asyncio.wait_for(started.wait(), 20)
        await handle.cancel()

        async def asked_to_cancel() -> bool | None:
            kinds = kinds_of(await events_of(child))
            return "WORKFLOW_EXECUTION_CANCEL_REQUESTED" in kinds or None

        await poll(asked_to_cancel)
        assert (await handle.describe()).status is WorkflowExecutionStatus.RUNNING
        done.set()
        with pytest.raises(WorkflowFailureError) as caught:
            await handle.result()
        descriptions = [await run.describe() for run in (child, handle)]
        states = [await stack.keeper(name) for name in (caller, called)]
    assert isinstance(caught.value.cause, CancelledError)
    assert [run.status for run in descriptions] == [WorkflowExecutionStatus.CANCELED] * 2
    closed = [run.close_time for run in descriptions]
    assert closed == sorted(closed, key=str)
    assert effects == ["posted"]
    for state in states:
        (entry,) = state.ledger.values()
        assert entry.status is RunStatus.CANCELLED
        assert state.session("default").holder is None


async def test_handoff_cancelled_in_a_queue_leaves_it_with_its_caller(stack: Stack) -> None:
    """A called run that has not begun yet holds nobody up."""
    gate = Gate()
    caller, called = stack.name("caller"), stack.name("called")
    async with stack.worker([gate.tool]):
        await stack.declare(called, **GATED)
        await declare_caller(stack, caller, called)
        holder = await stack.start(called, f"{called}-1")
        await gate.reached.wait()
        handle = await stack.start(caller, f"{caller}-1")
        await until(stack, called, lambda state: len(state.session("default").queue) == 1)
        await handle.cancel()
        with pytest.raises(WorkflowFailureError):
            await handle.result()
        state = await stack.keeper(called)
        gate.opened.set()
        await holder.result()
    assert state.session("default").queue == ()
    assert (await handle.describe()).status is WorkflowExecutionStatus.CANCELED


async def test_handoff_ends_at_its_callers_wall_clock(stack: Stack) -> None:
    """The caller's limit is the called run's too: both time out, and both say so."""
    caller, called = stack.name("caller"), stack.name("called")
    async with stack.worker():
        await stack.declare(called, runtime=SLOW)
        await declare_caller(stack, caller, called, budget={"wall_clock": "2s"})
        async with asyncio.timeout(20):
            ending = await ending_of(await stack.start(caller, f"{caller}-1"))
            child = await ending_of(called_run(stack, f"{caller}-1", called))
        states = [await stack.keeper(name) for name in (caller, called)]
    assert (ending.kind, child.kind) == ("RunTimedOut", "RunTimedOut")
    assert ending.result.category is FailureCategory.LIMIT_REACHED
    assert [state.session("default").holder for state in states] == [None, None]


async def test_handoff_that_outlives_its_callers_limit_is_cancelled(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A called run that does not end by itself is ended, and the caller waits for that."""
    # As if the limit had passed already when there is a minute left.
    monkeypatch.setattr("workflows.run_kit.called.HANDOFF_GRACE", timedelta(seconds=-58))
    caller, called = stack.name("caller"), stack.name("called")
    async with stack.worker():
        await stack.declare(called, runtime=SLOW)
        await declare_caller(stack, caller, called, budget={"wall_clock": "1m"})
        async with asyncio.timeout(30):
            result = await stack.run(caller, f"{caller}-1")
        reason = await closed_last(stack, called, RunStatus.CANCELLED)
    assert result.output == f"agents.{called} was cancelled"
    assert reason == "cancelled by request"


async def test_handoff_that_is_terminated_is_an_error_for_its_caller(stack: Stack) -> None:
    """A run that could say nothing any more is not mistaken for one that succeeded."""
    gate = Gate()
    caller, called = stack.name("caller"), stack.name("called")
    async with stack.worker([gate.tool]):
        await stack.declare(called, **GATED)
        await declare_caller(stack, caller, called)
        handle = await stack.start(caller, f"{caller}-1")
        await gate.reached.wait()
        await called_run(stack, f"{caller}-1", called).terminate()
        result = await handle.result()
        gate.opened.set()
    assert result.output == f"agents.{called} was terminated"


async def test_handoff_that_is_cancelled_by_itself_is_an_error_for_its_caller(
    stack: Stack,
) -> None:
    """A person may cancel what was called; the caller goes on and learns of it."""
    gate = Gate()
    caller, called = stack.name("caller"), stack.name("called")
    async with stack.worker([gate.tool]):
        await stack.declare(called, **GATED)
        await declare_caller(stack, caller, called)
        handle = await stack.start(caller, f"{caller}-1")
        await gate.reached.wait()
        await called_run(stack, f"{caller}-1", called).cancel()
        result = await handle.result()
        gate.opened.set()
    assert (result.status, result.output) == (
        RunStatus.SUCCEEDED,
        f"agents.{called} was cancelled",
    )


async def test_handoff_of_a_terminated_caller_is_cancelled(stack: Stack) -> None:
    """Nobody works for a caller that is gone."""
    gate = Gate()
    caller, called = stack.name("caller"), stack.name("called")
    async with stack.worker([gate.tool]):
        await stack.declare(called, **GATED)
        await declare_caller(stack, caller, called)
        handle = await stack.start(caller, f"{caller}-1")
        await gate.reached.wait()
        await handle.terminate()
        await closed_last(stack, called, RunStatus.CANCELLED)
        gate.opened.set()


async def test_handoff_beside_a_tool_that_fails_the_run_is_seen_to_its_end(stack: Stack) -> None:
    """The run fails for its own reason, and only once the called one has ended."""

    @tool(name="books.post", effect="write")
    def post() -> str:
        """Crash halfway."""
        raise ConnectionError("lost in the middle")

    caller, called = stack.name("caller"), stack.name("called")
    async with stack.worker([post]):
        await stack.declare(called, runtime=script({"result": "done", "seconds": 1}))
        calls = [{"tool": "books.post"}, asks(called)]
        await stack.declare(
            caller,
            runtime=script({"calls": calls}, {"result": told_by(called)}),
            tools=["books.post", f"agents.{called}"],
            effects={"on_unknown": "fail"},
        )
        ending = await ending_of(await stack.start(caller, f"{caller}-1"))
        child = await called_run(stack, f"{caller}-1", called, index=1).describe()
    assert ending.result.category is FailureCategory.OUTCOME_UNKNOWN
    assert child.status is WorkflowExecutionStatus.COMPLETED


async def test_handoff_leaves_one_child_and_its_close_policy_in_history(stack: Stack) -> None:
    """What people see in the UI: one child per call, which a closing caller cancels."""
    caller, called = stack.name("caller"), stack.name("called")
    async with stack.worker():
        await stack.declare(called, runtime=script({"result": "done"}))
        await declare_caller(stack, caller, called)
        handle = await stack.start(caller, f"{caller}-1")
        await handle.result()
        events = await events_of(handle)
    initiated = [
        event.start_child_workflow_execution_initiated_event_attributes
        for event in events
        if event.event_type == EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED
    ]
    assert [child.workflow_id for child in initiated] == [f"{caller}-1/{called}-1.0"]
    assert [child.parent_close_policy for child in initiated] == [3]
