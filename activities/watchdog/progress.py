"""When something last happened in a run, and what it waits for: asked of the server itself."""

from datetime import UTC
from typing import Any

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryReverseRequest
from temporalio.client import Client
from temporalio.service import RPCError

from activities.server_errors import is_missing
from rota.notification_text import one_line
from rota.watchdog.open_run import OpenRun

REASON_LIMIT = 200


async def with_progress(client: Client, run: OpenRun) -> OpenRun:
    """Return the run with its last event's time; as it is if it has ended meanwhile.

    Raises:
        temporalio.service.RPCError: the server did not answer.
    """
    request = GetWorkflowExecutionHistoryReverseRequest(
        namespace=client.namespace,
        execution=WorkflowExecution(workflow_id=run.id, run_id=run.key),
        maximum_page_size=1,
    )
    try:
        described = await client.get_workflow_handle(run.id, run_id=run.key).describe()
        history = await client.workflow_service.get_workflow_execution_history_reverse(
            request, retry=True
        )
    except RPCError as error:
        if is_missing(error):
            return run
        raise
    events = history.history.events
    raw = described.raw_description
    if not events:
        return run
    return run.model_copy(
        update={
            "progress": events[0].event_time.ToDatetime(tzinfo=UTC),
            "waits_for": "; ".join(_pending(each) for each in raw.pending_activities[:3]),
            "has_children": bool(raw.pending_children),
        }
    )


def _pending(pending: Any) -> str:
    name = f"{pending.activity_type.name} at attempt {pending.attempt}"
    message = pending.last_failure.message
    return f"{name} ({one_line(message, REASON_LIMIT)})" if message else name
