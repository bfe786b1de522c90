"""A lock on the real server, and runs that ask for it through the desk."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from temporalio.client import WorkflowHandle
from temporalio.worker import Worker

from activities.desks.locks import LockDeskActivities
from rota.coordination.locks import LockAnswer, LockRequest, LockState
from rota.ids import lock_id
from rota.keepers.admission import RunRef
from rota.steps import LockInput, ReleaseInput
from tests.stack import Stack
from tests.workflows.gates import poll
from tests.workflows.lock_askers import LockAsker


@dataclass(frozen=True)
class Asker:
    """A run that is there, and may ask."""

    handle: WorkflowHandle[Any, Any]
    run: RunRef

    async def turn(self) -> LockAnswer:
        """What the lock told it first, as soon as it did."""
        return LockAnswer.model_validate(await self.handle.execute_update("turn"))

    async def told(self) -> list[LockAnswer]:
        """All that the lock told it."""
        return [LockAnswer.model_validate(answer) for answer in await self.handle.query("told")]


class LockBench:
    """One lock of a stack; the lock itself needs one of the stack's workers."""

    def __init__(self, stack: Stack, base: str = "books") -> None:
        self.stack = stack
        self.name = stack.name(base)
        self.desk = LockDeskActivities(stack.client)

    @property
    def handle(self) -> WorkflowHandle[Any, Any]:
        """The lock's workflow."""
        return self.stack.client.get_workflow_handle(lock_id(self.name))

    @asynccontextmanager
    async def askers(self) -> AsyncGenerator[None]:
        """Serve the runs, apart from the worker that serves the lock."""
        async with Worker(self.stack.client, task_queue=self._queue, workflows=[LockAsker]):
            yield

    async def come(self, name: str) -> Asker:
        """Start a run."""
        handle = await self.stack.client.start_workflow(
            "LockAsker", id=f"{self.name}-{name}", task_queue=self._queue
        )
        assert handle.first_execution_run_id is not None
        return Asker(handle, RunRef(id=handle.id, key=handle.first_execution_run_id))

    async def ask(self, asker: Asker, *, wait: float = 600) -> LockAnswer:
        """Ask for the lock as a run does."""
        request = LockRequest(run=asker.run, wait_seconds=wait)
        return await self.desk.acquire_lock(
            LockInput(lock=self.name, request=request, task_queue=self.stack.task_queue)
        )

    async def release(self, asker: Asker) -> None:
        """Give it back as a run does."""
        await self.desk.release_locks(ReleaseInput(locks=(self.name,), run=asker.run))

    async def state(self) -> LockState:
        """The lock's state now."""
        return await self.handle.query("state", result_type=LockState)

    async def held_by(self, asker: Asker) -> LockState:
        """Wait until the lock is that run's."""

        async def ask() -> LockState | None:
            state = await self.state()
            held = state.lease is not None and state.lease.run == asker.run
            return state if held else None

        return await poll(ask)

    @property
    def _queue(self) -> str:
        return f"{self.stack.task_queue}-askers"
