"""The desk between runs and locks, on the real server."""

import pytest
from temporalio.client import OutboundInterceptor, StartWorkflowUpdateInput, WorkflowUpdateHandle
from temporalio.service import RPCError, RPCStatusCode

from activities.desks.locks import LockDeskActivities
from rota.coordination.locks import LockRequest
from rota.ids import keeper_queue, lock_id
from rota.keepers.admission import RunRef
from rota.steps import LockInput, ReleaseInput
from tests.fleets import intercepted
from tests.stack import Stack

RUN = RunRef(id="run", key="key")


def asking(stack: Stack, lock: str, run: RunRef = RUN) -> LockInput:
    """A request for a lock of the stack."""
    request = LockRequest(run=run, wait_seconds=60)
    return LockInput(lock=lock, request=request, task_queue=stack.task_queue)


async def test_acquire_lock_starts_the_lock_once_on_the_keepers_queue(stack: Stack) -> None:
    """Nobody declares a lock: the first run that asks makes it, the next one finds it."""
    name, desk = stack.name("fresh"), LockDeskActivities(stack.client)
    other = RunRef(id="other", key="other-key")
    async with stack.worker():
        answers = [await desk.acquire_lock(asking(stack, name, run)) for run in (RUN, other)]
        described = await stack.client.get_workflow_handle(lock_id(name)).describe()
    assert [answer.granted for answer in answers] == [True, False]
    assert described.workflow_type == "ResourceLock"
    assert described.task_queue == keeper_queue(stack.task_queue)
    assert described.history_length > 0


async def test_acquire_lock_after_the_lock_was_ended_by_hand_goes_on_with_larger_fences(
    stack: Stack,
) -> None:
    """A terminated lock stops nobody, and what it guards takes none of its users for old."""
    name, desk = stack.name("ended"), LockDeskActivities(stack.client)
    fences: list[int] = []
    async with stack.worker():
        for _ in range(3):
            fences.append((await desk.acquire_lock(asking(stack, name))).fence)
            await stack.client.get_workflow_handle(lock_id(name)).terminate()
    assert fences[0] == 1
    assert fences == sorted(set(fences))


async def test_release_locks_gives_back_all_and_passes_over_the_missing(stack: Stack) -> None:
    """A lock that never was, or was ended, is as good as given back; the others are given."""
    desk = LockDeskActivities(stack.client)
    ended, never, held = (stack.name(base) for base in ("ended", "never", "held"))
    other = RunRef(id="other", key="other-key")
    async with stack.worker():
        for name in (ended, held):
            await desk.acquire_lock(asking(stack, name))
        await stack.client.get_workflow_handle(lock_id(ended)).terminate()
        for _ in range(2):
            await desk.release_locks(ReleaseInput(locks=(ended, never, held), run=RUN))
        answer = await desk.acquire_lock(asking(stack, held, other))
    assert (answer.granted, answer.fence) == (True, 2)


async def test_lock_desk_with_a_server_in_trouble_is_tried_again(stack: Stack) -> None:
    """Only a missing lock is passed over: a server's trouble fails the attempt."""

    class Troubled(OutboundInterceptor):
        async def start_workflow_update(
            self, input: StartWorkflowUpdateInput
        ) -> WorkflowUpdateHandle:
            raise RPCError("Namespace default is not found.", RPCStatusCode.NOT_FOUND, b"")

    desk = LockDeskActivities(intercepted(stack.client, Troubled))
    name = stack.name("troubled")
    with pytest.raises(RPCError, match="Namespace"):
        await desk.acquire_lock(asking(stack, name))
    with pytest.raises(RPCError, match="Namespace"):
        await desk.release_locks(ReleaseInput(locks=(name,), run=RUN))
