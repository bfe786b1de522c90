"""What a run waited for, and how long: read off its timers, which carry it in words."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client
from temporalio.service import RPCError

from activities.server_errors import is_missing
from workers.cli.output import format_took

MOST = 20
"""Waits that are told of one run, the longest of them."""


@dataclass(frozen=True)
class Wait:
    """One wait, however often it was begun anew."""

    text: str
    since: datetime
    took: timedelta
    over: bool = True

    @property
    def sentence(self) -> str:
        """`it waited 3m05s for session 'default'`, for people."""
        verb = "waited" if self.over else "has been waiting"
        return f"it {verb} {format_took(self.took)} for {self.text}"


async def waits_of(client: Client, run_id: str, execution: str, now: datetime) -> list[Wait]:
    """Return what a run waited for, in the order of the begins; needs no worker.

    Args:
        client: Connected.
        run_id: Of the run.
        execution: Its first; those that it continued as are followed.
        now: A wait that is not over has lasted until then.
    """
    found: dict[str, Wait] = {}
    while execution:
        try:
            execution = await _of_one(client, run_id, execution, now, found)
        except RPCError as error:
            if not is_missing(error):
                raise
            break  # Past its retention, which counts from the end of each execution.
    longest = sorted(found.values(), key=lambda wait: wait.took, reverse=True)[:MOST]
    return sorted(longest, key=lambda wait: wait.since)


async def _of_one(
    client: Client, run_id: str, execution: str, now: datetime, found: dict[str, Wait]
) -> str:
    """Add the waits of one execution; return the one after it, empty if there is none."""
    open_timers: dict[int, tuple[str, datetime]] = {}
    following = ""
    handle = client.get_workflow_handle(run_id, run_id=execution)
    async for event in handle.fetch_history_events():
        at = event.event_time.ToDatetime(tzinfo=UTC)
        if event.event_type == EventType.EVENT_TYPE_TIMER_STARTED:
            if text := await _summary(client, event):
                open_timers[event.event_id] = (text, at)
        elif event.event_type == EventType.EVENT_TYPE_TIMER_CANCELED:
            _over(found, open_timers, event.timer_canceled_event_attributes.started_event_id, at)
        elif event.event_type == EventType.EVENT_TYPE_TIMER_FIRED:
            _over(found, open_timers, event.timer_fired_event_attributes.started_event_id, at)
        elif event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW:
            continued = event.workflow_execution_continued_as_new_event_attributes
            following = continued.new_execution_run_id
    for text, since in open_timers.values():
        _add(found, replace(Wait(text, since, now - since), over=False))
    return following


def _over(
    found: dict[str, Wait], timers: dict[int, tuple[str, datetime]], started: int, at: datetime
) -> None:
    if started in timers:
        text, since = timers.pop(started)
        _add(found, Wait(text, since, at - since))


def _add(found: dict[str, Wait], wait: Wait) -> None:
    before = found.get(wait.text)
    if before is not None:
        wait = replace(wait, since=before.since, took=before.took + wait.took)
    found[wait.text] = wait


async def _summary(client: Client, event: HistoryEvent) -> str:
    payload = event.user_metadata.summary
    if not payload.data:
        return ""
    (value,) = await client.data_converter.decode([payload])
    return str(value)
