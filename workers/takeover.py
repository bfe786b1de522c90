"""Go on at once where another worker died.

When a step is tried again, the worker that had the run and its keeper in its cache may be
dead. Temporal would still offer it their next workflow tasks and wait for it each time
(`STICKY_TIMEOUT`), one after the other, before any worker may take them. Whoever takes
the step over therefore tells the server first to forget that worker. If it was alive and
the step merely failed, this costs one replay of the run, and of its keeper now and then.
"""

import asyncio
import logging
import time
from datetime import timedelta
from typing import Any

from temporalio import activity
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import ResetStickyTaskQueueRequest
from temporalio.service import RPCError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from rota.ids import keeper_id
from rota.steps import StepInput

log = logging.getLogger("rota.worker")

RESET_TIMEOUT = timedelta(seconds=1)
"""The shortcut must not take longer than what it saves, nor hold up the first heartbeat."""
KEEPER_PAUSE_SECONDS = 30.0
"""A worker frees one keeper at most this often: a provider that fails a hundred runs at
once must not have their keeper replayed a hundred times."""


class Takeover(Interceptor):
    """Worker interceptor: frees a repeated step's run and keeper from the worker before."""

    def __init__(self) -> None:
        self._freed_at: dict[str, float] = {}

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """Put the reset before every step."""
        return _ResetFirst(next, self)

    def keeper_is_due(self, agent: str, now: float) -> bool:
        """True once per `KEEPER_PAUSE_SECONDS` and agent; `now` is monotonic seconds."""
        last = self._freed_at.get(agent)
        if last is not None and now - last < KEEPER_PAUSE_SECONDS:
            return False
        self._freed_at[agent] = now
        return True


class _ResetFirst(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, takeover: Takeover) -> None:
        super().__init__(next)
        self._takeover = takeover

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        info = activity.info()
        step = next(iter(input.args), None)
        if info.attempt > 1 and not info.is_local and isinstance(step, StepInput):
            held = [info.workflow_id or ""]
            if self._takeover.keeper_is_due(step.agent, time.monotonic()):
                held.append(keeper_id(step.agent))
            await asyncio.gather(*(_reset(workflow_id) for workflow_id in held))
        return await super().execute_activity(input)


async def _reset(workflow_id: str) -> None:
    client = activity.client()
    execution = WorkflowExecution(workflow_id=workflow_id)
    request = ResetStickyTaskQueueRequest(namespace=client.namespace, execution=execution)
    try:
        await client.workflow_service.reset_sticky_task_queue(request, timeout=RESET_TIMEOUT)
    except RPCError as error:
        # Only the shortcut failed: the workflow task moves on after the sticky timeout.
        log.info("could not free %s from its last worker: %s", workflow_id, error)
