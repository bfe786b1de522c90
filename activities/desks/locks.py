"""`acquire_lock`, `release_locks`: a run's dealings with resource locks."""

from datetime import UTC, datetime

from temporalio import activity
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError

from activities.interface import LockDesk
from activities.server_errors import is_missing
from rota.coordination.locks import LockAnswer, LockState
from rota.ids import keeper_queue, lock_id
from rota.steps import LockInput, ReleaseInput

LOCK_WORKFLOW = "ResourceLock"


class LockDeskActivities(LockDesk):
    """Asks locks on behalf of runs; the workflows run it as local activities."""

    def __init__(self, client: Client) -> None:
        self._client = client

    @activity.defn(name="acquire_lock")
    async def acquire_lock(self, input: LockInput) -> LockAnswer:
        """Ask for a lock, or for a place in its queue; the first to ask starts it.

        Raises:
            temporalio.service.RPCError: retryable; the server or the lock did not answer.
        Idempotency: by the run's key in the lock, which answers with the lease or the place
            that the run has.
        """
        try:
            return await self._ask(input)
        except RPCError as error:
            if not is_missing(error):
                raise
        await self._client.start_workflow(
            LOCK_WORKFLOW,
            await self._beginning(input.lock),
            id=lock_id(input.lock),
            task_queue=keeper_queue(input.task_queue),
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            static_summary=f"lock {input.lock}",
        )
        return await self._ask(input)

    @activity.defn(name="release_locks")
    async def release_locks(self, input: ReleaseInput) -> None:
        """Give locks back, or leave their queues; one that does not exist is given back.

        Raises:
            temporalio.service.RPCError: retryable; the server or a lock did not answer.
        Idempotency: by the run's key in each lock.
        """
        for lock in input.locks:
            try:
                await self._client.get_workflow_handle(lock_id(lock)).execute_update(
                    "release", input.run
                )
            except RPCError as error:
                if not is_missing(error):
                    raise

    async def _ask(self, input: LockInput) -> LockAnswer:
        return await self._client.get_workflow_handle(lock_id(input.lock)).execute_update(
            "acquire", input.request, result_type=LockAnswer
        )

    async def _beginning(self, lock: str) -> LockState:
        """The state to start a lock in.

        One that was ended by hand goes on above every number it can have given, or whatever
        it guards would turn all later holders away: no lock grants one a millisecond.
        """
        try:
            await self._client.get_workflow_handle(lock_id(lock)).describe()
        except RPCError as error:
            if not is_missing(error):
                raise
            return LockState(name=lock)
        return LockState(name=lock, fence=int(datetime.now(UTC).timestamp() * 1000))
