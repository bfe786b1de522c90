"""Runtimes' breakers, as workers and commands reach them: read, ask, report.

Activity side. A breaker is a workflow that is there only while something is, or lately was,
wrong: none means that all is well.
"""

from datetime import timedelta

from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError

from activities.open_state import open_state
from activities.server_errors import is_missing
from rota.ids import breaker_id, keeper_queue
from rota.runtimes.breaker import Breaker, BreakerAnswer, BreakerPolicy, Report

BREAKER_WORKFLOW = "Breaker"
PATIENCE = timedelta(seconds=2)
"""How long a call may wait for its breaker: one that does not answer must not delay turns."""


async def read_breaker(client: Client, kind: str, account: str) -> Breaker | None:
    """Return what the breaker knows; None if there is none, so that nothing is wrong.

    Raises:
        temporalio.service.RPCError: the server, or whoever serves the breaker, did not answer.
        temporalio.client.WorkflowQueryFailedError: the breaker could not.
    """
    return await open_state(client, breaker_id(kind, account), Breaker, PATIENCE)


class Breakers:
    """The breakers of what one worker calls."""

    def __init__(
        self, client: Client, task_queue: str, policy: BreakerPolicy | None = None
    ) -> None:
        self._client = client
        self._queue = keeper_queue(task_queue)
        self._policy = policy or BreakerPolicy()

    async def read(self, kind: str, account: str) -> Breaker | None:
        """Return what the breaker knows; see `read_breaker`."""
        return await read_breaker(self._client, kind, account)

    async def ask(self, kind: str, account: str, token: str) -> BreakerAnswer | None:
        """Ask for the probe, or renew its lease; None if there is no breaker any more.

        Raises:
            temporalio.service.RPCError: no answer.
            temporalio.client.WorkflowUpdateRPCTimeoutOrCancelledError: none in time.
        Idempotency: by the token.
        """
        handle = self._client.get_workflow_handle(breaker_id(kind, account))
        try:
            return await handle.execute_update(
                "ask", token, result_type=BreakerAnswer, rpc_timeout=PATIENCE
            )
        except RPCError as error:
            if is_missing(error):
                return None
            raise

    async def report(self, kind: str, account: str, report: Report) -> None:
        """Tell the breaker; the first to have something to tell starts it.

        Raises:
            temporalio.service.RPCError: no answer.
        """
        await self._client.start_workflow(
            BREAKER_WORKFLOW,
            Breaker(kind=kind, account=account, policy=self._policy),
            id=breaker_id(kind, account),
            task_queue=self._queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            start_signal="report",
            start_signal_args=[report],
            static_summary=f"breaker of runtime {kind}",
            rpc_timeout=PATIENCE,
        )
