"""A run's history as steps for people, read while it grows. Needs no worker."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client
from temporalio.converter import DataConverter

from activities.encryption.opening import opened
from workers.cli.output import format_took


@dataclass(frozen=True)
class StepLine:
    """Something that happened in a run."""

    at: datetime
    text: str

    @property
    def document(self) -> dict[str, str]:
        """The line as `--json` prints it."""
        return {"at": self.at.isoformat(), "text": self.text}


async def steps_of(client: Client, run_id: str, *, wait: bool) -> AsyncIterator[StepLine]:
    """Yield a run's steps, oldest first; with `wait`, as they happen until it ends."""
    execution: str | None = None
    while True:
        handle = client.get_workflow_handle(run_id, run_id=execution)
        scheduled: dict[int, tuple[str, datetime]] = {}
        execution = None
        async for event in handle.fetch_history_events(wait_new_event=wait):
            if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW:
                continued = event.workflow_execution_continued_as_new_event_attributes
                execution = continued.new_execution_run_id
            text = await _text_of(event, scheduled, client.data_converter)
            if text:
                yield StepLine(_time_of(event), text)
        if execution is None:
            return


async def _text_of(
    event: HistoryEvent, scheduled: dict[int, tuple[str, datetime]], converter: DataConverter
) -> str:
    kind, at = event.event_type, _time_of(event)
    if kind == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
        name = event.activity_task_scheduled_event_attributes.activity_type.name
        name = await _summary(event.user_metadata.summary, converter) or name
        scheduled[event.event_id] = (name, at)
        return f"{name} …"
    if kind == EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
        name, since = scheduled[event.activity_task_completed_event_attributes.scheduled_event_id]
        return f"{name}: done in {format_took(at - since)}"
    if kind == EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED:
        plain = await opened(event, converter)
        failed = plain.activity_task_failed_event_attributes
        return f"{scheduled[failed.scheduled_event_id][0]}: failed: {failed.failure.message}"
    if kind == EventType.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT:
        late = event.activity_task_timed_out_event_attributes
        return f"{scheduled[late.scheduled_event_id][0]}: no answer in time"
    if kind == EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED:
        started = event.activity_task_started_event_attributes
        again = started.attempt > 1
        name = scheduled[started.scheduled_event_id][0]
        return f"{name}: was attempt {started.attempt}" if again else ""
    if kind == EventType.EVENT_TYPE_TIMER_STARTED:
        awaited = await _summary(event.user_metadata.summary, converter)
        return f"waiting for: {awaited}" if awaited else ""
    if kind == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED:
        return await _answered(event, converter)
    return _MOMENTS.get(kind, "")


_MOMENTS = {
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED: "started",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED: "session granted",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED: "cancellation requested",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW: "goes on in a new history",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED: "ended",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED: "ended with a failure",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED: "ended, cancelled",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED: "terminated",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT: "timed out",
}


async def _answered(event: HistoryEvent, converter: DataConverter) -> str:
    """What a run said to a person's answer: the one update that a run takes."""
    outcome = event.workflow_execution_update_completed_event_attributes.outcome
    if not outcome.HasField("success"):
        return ""
    (told,) = await converter.decode(outcome.success.payloads)
    return str(told)


async def _summary(payload: Payload, converter: DataConverter) -> str:
    if not payload.data:
        return ""
    (value,) = await converter.decode([payload])
    return str(value)


def _time_of(event: HistoryEvent) -> datetime:
    return event.event_time.ToDatetime(tzinfo=UTC).replace(microsecond=0) + timedelta(
        microseconds=event.event_time.nanos // 1000
    )
