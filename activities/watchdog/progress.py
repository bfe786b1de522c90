"""When something last happened in a run, and what it waits for: asked of the server itself."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryReverseRequest
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from activities.encryption.marks import RefusedPayloadError
from activities.encryption.opening import opened
from activities.pollers import POLL
from activities.server_errors import is_missing
from activities.stores.base import StoreError
from rota.notices.text import one_line
from rota.watchdog.open_run import OpenRun

REASON_LIMIT = 200
OBSERVING = "observe_session"
"""The step that watches a provider's session, from its beginning to its end."""


async def with_progress(client: Client, run: OpenRun) -> OpenRun:
    """Return the run with what was last heard of it; as it is if it has ended meanwhile.

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
    steps = raw.pending_activities
    watched = [at for each in steps if (at := await _watched_at(client, each)) is not None]
    return run.model_copy(
        update={
            "progress": max([events[0].event_time.ToDatetime(tzinfo=UTC), *watched]),
            "waits_for": "; ".join([await _pending(client, each) for each in steps[:3]]),
            "step_until": _steps_until(steps),
            "has_children": bool(raw.pending_children),
        }
    )


async def is_at_work(client: Client, run: OpenRun, queue: str) -> bool:
    """True if a step of the run is being worked on by whoever serves that task queue.

    Raises:
        temporalio.service.RPCError: the server did not answer.
    """
    try:
        described = await client.get_workflow_handle(run.id, run_id=run.key).describe()
    except RPCError as error:
        if is_missing(error):
            return False
        raise
    oldest = datetime.now(UTC) - POLL
    return any(
        _is_started(each)
        and each.activity_options.task_queue.name == queue
        and _alive_until(each) >= oldest
        for each in described.raw_description.pending_activities
    )


async def _watched_at(client: Client, pending: Any) -> datetime | None:
    """When a provider's session was last seen to be well; None of any other step.

    One step watches the whole session, and how long that may be silent is the step's to say.
    """
    if pending.activity_type.name != OBSERVING or not _is_started(pending):
        return None
    try:
        details = await client.data_converter.decode(pending.heartbeat_details.payloads)
    except (ApplicationError, StoreError, RefusedPayloadError):
        return None
    match details:
        case [_, _, int(failures), *_] if failures:
            return None
        case _:
            return min(_alive_until(pending), datetime.now(UTC))


def _alive_until(pending: Any) -> datetime:
    """Until when the server takes the worker for alive: it need not say anything sooner."""
    heard = max(pending.last_heartbeat_time.seconds, pending.last_started_time.seconds)
    silence = pending.activity_options.heartbeat_timeout.ToTimedelta()
    return datetime.fromtimestamp(heard, UTC) + silence


def _steps_until(steps: Sequence[Any]) -> datetime | None:
    """Until when all steps under way may work on, each at its first attempt."""
    limits = [_until(each) for each in steps]
    known = [limit for limit in limits if limit is not None]
    return max(known) if known and len(known) == len(limits) else None


def _until(pending: Any) -> datetime | None:
    allowed: timedelta = pending.activity_options.start_to_close_timeout.ToTimedelta()
    if pending.attempt > 1 or not _is_started(pending) or not allowed:
        return None
    return pending.last_started_time.ToDatetime(tzinfo=UTC) + allowed


def _is_started(pending: Any) -> bool:
    return pending.state == PendingActivityState.PENDING_ACTIVITY_STATE_STARTED


async def _pending(client: Client, pending: Any) -> str:
    name = f"{pending.activity_type.name} at attempt {pending.attempt}"
    try:
        message = (await opened(pending.last_failure, client.data_converter)).message
    except StoreError as error:
        message = str(error)  # which key it would take to read it
    return f"{name} ({one_line(message, REASON_LIMIT)})" if message else name
