"""A run that is cancelled or terminated gives back what it holds: on the real server."""

import asyncio
import threading
from typing import Any

import pytest
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import CancelledError

from rota.keepers.state import LedgerEntry
from rota.runs import RunStatus
from rota.tools import tool
from tests.fakes.anthropic_answers import Hang
from tests.fakes.anthropic_server import AnthropicFake
from tests.stack import Stack, script
from tests.workflows.claude import thinker
from tests.workflows.watched import look_often

SLOW = script({"result": "late", "seconds": 60})


async def cancelled(handle: WorkflowHandle[Any, Any]) -> None:
    """Cancel a run and see it close as cancelled."""
    await handle.cancel()
    with pytest.raises(WorkflowFailureError) as caught:
        await handle.result()
    assert isinstance(caught.value.cause, CancelledError)
    assert (await handle.describe()).status is WorkflowExecutionStatus.CANCELED


async def entry_of(stack: Stack, name: str, run_id: str) -> LedgerEntry:
    """The ledger's entry of a run."""
    ledger = (await stack.keeper(name)).ledger.values()
    (entry,) = [entry for entry in ledger if entry.run is not None and entry.run.id == run_id]
    return entry


async def has_status(stack: Stack, name: str, run_id: str, status: RunStatus) -> None:
    """Wait until the ledger says so."""
    async with asyncio.timeout(20):
        while True:
            if run_id in str((await stack.keeper(name)).ledger):
                entry = await entry_of(stack, name, run_id)
                if entry.status is status:
                    return
            await asyncio.sleep(0.05)


async def test_run_cancelled_during_a_turn_is_settled_and_frees_its_session(stack: Stack) -> None:
    """The turn is dropped at once, though it may be billed, and the lease is returned."""
    async with AnthropicFake() as fake:
        fake.add(Hang())
        async with thinker(stack, fake) as name:
            handle = await stack.start(name, f"{name}-1")
            await fake.requests_arrived(1)
            await cancelled(handle)
            entry = await entry_of(stack, name, f"{name}-1")
            state = await stack.keeper(name)
        fake.release()
    assert (entry.status, entry.reason) == (RunStatus.CANCELLED, "cancelled by request")
    assert entry.usage.unknown_attempts == 1
    assert state.session("default").holder is None


async def test_run_cancelled_during_a_tool_waits_for_its_effect(stack: Stack) -> None:
    """A tool that changes something is seen to its end before the run closes."""
    started, done = threading.Event(), threading.Event()
    effects: list[str] = []

    @tool(name="books.post", effect="write")
    def post() -> str:
        """Post, slowly."""
        started.set()
        done.wait(20)
        effects.append("posted")
        return "posted"

    name = stack.name("poster")
    async with stack.worker([post]):
        runtime = script({"calls": [{"tool": "books.post"}]}, {"result": "done"})
        await stack.declare(name, runtime=runtime, tools=["books.post"])
        handle = await stack.start(name, f"{name}-1")
        await asyncio.to_thread(started.wait, 20)
        cancelling = asyncio.create_task(cancelled(handle))
        await asyncio.sleep(1.5)  # Beyond the heartbeat that tells the tool's activity.
        assert (await handle.describe()).status is WorkflowExecutionStatus.RUNNING
        done.set()
        await cancelling
        entry = await entry_of(stack, name, f"{name}-1")
        state = await stack.keeper(name)
    assert effects == ["posted"]
    assert entry.status is RunStatus.CANCELLED
    assert state.session("default").holder is None


async def test_run_cancelled_while_queued_leaves_the_queue(stack: Stack) -> None:
    """The one that waits goes; the one that works stays, and a third takes the place."""
    name = stack.name("slow")
    async with stack.worker():
        await stack.declare(name, runtime=SLOW)
        holder = await stack.start(name, f"{name}-1")
        await has_status(stack, name, f"{name}-1", RunStatus.RUNNING)
        waiter = await stack.start(name, f"{name}-2")
        await has_status(stack, name, f"{name}-2", RunStatus.QUEUED)
        await cancelled(waiter)
        session = (await stack.keeper(name)).session("default")
        assert session.holder is not None
        assert session.holder.id == f"{name}-1"
        assert session.queue == ()
        await cancelled(holder)
        state = await stack.keeper(name)
    assert {entry.status for entry in state.ledger.values()} == {RunStatus.CANCELLED}
    assert state.session("default").holder is None


async def test_run_queued_goes_on_when_the_holder_ends(stack: Stack) -> None:
    """First in, first out, and each run works after the one before has settled."""
    name = stack.name("calm")
    async with stack.worker():
        await stack.declare(name, runtime=script({"result": "done", "seconds": 0.3}))
        first = await stack.start(name, f"{name}-1")
        await has_status(stack, name, f"{name}-1", RunStatus.RUNNING)
        others = [await stack.start(name, f"{name}-{number}") for number in (2, 3)]
        results = [await handle.result() for handle in (first, *others)]
        state = await stack.keeper(name)
    assert [result.status for result in results] == [RunStatus.SUCCEEDED] * 3
    settled = [entry.settled_at for entry in state.ledger.values()]
    assert settled == sorted(settled, key=str)
    assert state.session("default").queue == ()


async def test_run_terminated_loses_its_session_to_the_next_in_the_queue(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A holder that cannot report its end is found out, and nobody waits for ever."""
    look_often(monkeypatch)
    name = stack.name("lost")
    async with stack.worker():
        await stack.declare(name, runtime=SLOW)
        holder = await stack.start(name, f"{name}-1")
        await has_status(stack, name, f"{name}-1", RunStatus.RUNNING)
        waiter = await stack.start(name, f"{name}-2")
        gone = await stack.start(name, f"{name}-3")
        await has_status(stack, name, f"{name}-3", RunStatus.QUEUED)
        await gone.terminate()
        await holder.terminate()
        await has_status(stack, name, f"{name}-2", RunStatus.RUNNING)
        lost = await entry_of(stack, name, f"{name}-1")
        await cancelled(waiter)
        await has_status(stack, name, f"{name}-3", RunStatus.FAILED)
        state = await stack.keeper(name)
    assert (lost.status, lost.reason) == (
        RunStatus.FAILED,
        "the run was gone: lease reclaimed",
    )
    assert state.session("default").holder is None
    assert state.session("default").queue == ()
