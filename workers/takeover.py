"""Go on at once where another worker died.

When a step is tried again, the worker that had the run and its keeper in its cache may be
dead. Temporal would still offer it their next workflow tasks and wait for it each time
(`STICKY_TIMEOUT`), one after the other, before any worker may take them. Whoever takes
the step over therefore tells the server first to forget that worker. If it was alive and
the step merely failed, this costs one replay.
"""

import asyncio
import logging
from typing import Any

from temporalio import activity
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import ResetStickyTaskQueueRequest
from temporalio.service import RPCError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from activities.interface import StepInput
from rota.ids import keeper_id

log = logging.getLogger("rota.worker")


class Takeover(Interceptor):
    """Worker interceptor: frees a repeated step's run and keeper from the worker before."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """Put the reset before every step."""
        return _ResetFirst(next)


class _ResetFirst(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        info = activity.info()
        step = next(iter(input.args), None)
        if info.attempt > 1 and not info.is_local and isinstance(step, StepInput):
            await asyncio.gather(_reset(info.workflow_id or ""), _reset(keeper_id(step.agent)))
        return await super().execute_activity(input)


async def _reset(workflow_id: str) -> None:
    client = activity.client()
    execution = WorkflowExecution(workflow_id=workflow_id)
    request = ResetStickyTaskQueueRequest(namespace=client.namespace, execution=execution)
    try:
        await client.workflow_service.reset_sticky_task_queue(request)
    except RPCError as error:
        # Only the shortcut failed: the workflow task moves on after the sticky timeout.
        log.info("could not free %s from its last worker: %s", workflow_id, error)
