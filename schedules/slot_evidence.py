"""Gather what is known of an agent's slots: from its keeper's ledger, and from the server."""

from dataclasses import replace
from datetime import datetime, timedelta

from temporalio.client import Client, WorkflowExecution, WorkflowExecutionStatus
from temporalio.service import RPCError

from activities.server_errors import is_missing
from activities.stores.base import ObjectStore, StoreError
from rota.expected.evidence import Evidence, Fired, LiveSchedule
from rota.ids import format_slot
from rota.keeper_state import KeeperState, LedgerEntry
from schedules.ledger_pages import read_pages
from workflows.run_kit.visibility import SCHEDULED_AT

_AT_WORK = (WorkflowExecutionStatus.RUNNING, WorkflowExecutionStatus.CONTINUED_AS_NEW)
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
    entries, unread = await _entries(store, state, since)
    return replace(
        Evidence.of(name, state, entries, now),
        fired=await _fired(client, name, since),
        live=await _live(client, name),
        unread=unread,
        unread_until=state.paged_slots.end if unread and state.paged_slots else None,
    )


async def _entries(
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


async def _live(client: Client, name: str) -> LiveSchedule | None:
    try:
        described = await client.get_schedule_handle(name).describe()
    except RPCError as error:
        if is_missing(error):
            return None
        raise
    info, state = described.info, described.schedule.state
    changed = info.last_updated_at
    return LiveSchedule(
        paused=state.paused,
        note=state.note or "",
        # The server says year 1 of what was never changed.
        changed=changed if changed and changed > info.created_at else None,
        created=info.created_at,
        too_old=info.num_actions_missed_catchup_window,
    )


async def _fired(client: Client, name: str, since: datetime) -> dict[datetime, Fired]:
    """The runs that the schedule has started, as far as the server still lists them."""
    query = (
        f"TemporalScheduledById = '{name}' AND TemporalScheduledStartTime >= '{format_slot(since)}'"
    )
    found: dict[datetime, Fired] = {}
    # Newest first: of a run that continued as new the last execution comes before the others.
    async for run in client.list_workflows(query):
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
