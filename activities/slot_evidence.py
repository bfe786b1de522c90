"""Gather what is known of an agent's slots: from its keeper's ledger, and from the server."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from temporalio.client import (
    Client,
    ScheduleDescription,
    WorkflowExecution,
    WorkflowExecutionStatus,
)
from temporalio.common import SearchAttributeKey
from temporalio.service import RPCError

from activities.ledger_pages import read_pages
from activities.matching_times import matching_times
from activities.server_errors import is_missing
from activities.server_schedule import differences
from activities.stores.base import ObjectStore, StoreError
from rota.expected.evidence import Evidence, Fired
from rota.expected.live import LiveSchedule, ServerTimes
from rota.ids import format_slot
from rota.keepers.state import KeeperState, LedgerEntry
from rota.schedule.spec import ScheduleSpec

SCHEDULED_AT = SearchAttributeKey.for_datetime("TemporalScheduledStartTime")

_AT_WORK = (WorkflowExecutionStatus.RUNNING, WorkflowExecutionStatus.CONTINUED_AS_NEW)
MOST_FIRED = 10_000
"""Times of a schedule that is not as declared: a month of every five minutes."""
BEFORE = timedelta(days=1)
"""A run that began so long before a slot may still have been in its way."""


async def read_evidence(
    client: Client,
    store: ObjectStore,
    name: str,
    state: KeeperState,
    since: datetime,
    now: datetime,
) -> Evidence:
    """Gather what tells of slots from `since` on; `state` is the keeper's.

    What the store or the server has not (a page, runs past their retention, a schedule) is
    missing in the evidence, not an error.

    Raises:
        temporalio.service.RPCError: the server did not answer.
    """
    since -= BEFORE
    entries, unread = await read_entries(store, state, since)
    return replace(
        Evidence.of(name, state, entries, now),
        fired=await _fired(client, name, since),
        live=await read_live(client, name, state.spec.schedule if state.spec else None, since, now),
        unread=unread,
        unread_until=state.paged_slots.end if unread and state.paged_slots else None,
    )


async def read_entries(
    store: ObjectStore, state: KeeperState, since: datetime
) -> tuple[tuple[LedgerEntry, ...], str]:
    """The ledger from `since` on at least, and why older entries are missing if they are."""
    entries, pages = tuple(state.ledger.values()), state.paged_slots
    if pages is None or pages.end < since:
        return entries, ""
    try:
        return (*await read_pages(store, state.pages), *entries), ""
    except StoreError as error:
        return entries, str(error)


async def describe_schedule(client: Client, name: str) -> ScheduleDescription | None:
    """The schedule of that id; None: the server has none."""
    try:
        return await client.get_schedule_handle(name).describe()
    except RPCError as error:
        if is_missing(error):
            return None
        raise


async def read_live(
    client: Client, name: str, declared: ScheduleSpec | None, since: datetime, now: datetime
) -> LiveSchedule | None:
    """What of a schedule counts as evidence; None: the server has none.

    Of one that is not as declared, the server itself is asked when it fires, from `since` to
    `now`; of others the declaration tells it.

    Raises:
        temporalio.service.RPCError: the server did not answer.
    """
    described = await describe_schedule(client, name)
    if described is None:
        return None
    live = _live_of(described, declared)
    if not live.differs:
        return live
    begin = max(filter(None, (since, live.changed or live.created)))
    # The first of them may be a slot itself.
    times = await matching_times(client, name, begin - timedelta.resolution, now, MOST_FIRED)
    fires = ServerTimes(
        since=begin,
        until=times[-1] if len(times) == MOST_FIRED else now,
        times=tuple(times),
        jitter=described.schedule.spec.jitter or timedelta(0),
    )
    return live.model_copy(update={"fires": fires})


def _live_of(described: ScheduleDescription, declared: ScheduleSpec | None) -> LiveSchedule:
    info, state = described.info, described.schedule.state
    changed = info.last_updated_at
    return LiveSchedule(
        paused=state.paused,
        note=state.note or "",
        # The server says year 1 of what was never changed.
        changed=changed if changed and changed > info.created_at else None,
        created=info.created_at,
        too_old=info.num_actions_missed_catchup_window,
        has_next=bool(info.next_action_times),
        differs=differences(described.schedule, declared) if declared is not None else (),
    )


async def _fired(client: Client, name: str, since: datetime) -> dict[datetime, Fired]:
    """The runs that the schedule has started, as far as the server still lists them."""
    query = (
        f"TemporalScheduledById = '{name}' AND TemporalScheduledStartTime >= '{format_slot(since)}'"
    )
    return fired_of([run async for run in client.list_workflows(query)])


def fired_of(runs: Iterable[WorkflowExecution]) -> dict[datetime, Fired]:
    """The runs of one schedule by slot, from what the server lists of them, newest first."""
    found: dict[datetime, Fired] = {}
    # Of a run that continued as new the last execution comes before the others.
    for run in runs:
        slot = run.typed_search_attributes.get(SCHEDULED_AT)
        if slot is None:
            continue
        slot = slot.replace(microsecond=0)
        last = found.get(slot)
        fired = last or Fired(run=run.id, at=run.start_time, ended=_ended(run), how=_how(run))
        found[slot] = fired.model_copy(update={"at": min(fired.at, run.start_time)})
    return found


def _ended(run: WorkflowExecution) -> datetime | None:
    return run.close_time if _how(run) else None


def _how(run: WorkflowExecution) -> str:
    return "" if run.status is None or run.status in _AT_WORK else run.status.name.lower()
