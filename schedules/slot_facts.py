"""What is known of one slot: read from the keeper's state, the store and the server."""

from dataclasses import dataclass
from datetime import datetime

from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError

from activities.server_errors import is_missing
from activities.stores.base import ObjectStore, StoreError
from rota.calendars import next_times
from rota.ids import scheduled_run_id
from rota.keeper_state import KeeperState, LedgerEntry
from rota.ledger import is_paged
from rota.pinned_spec import PinnedSpec
from rota.schedule_spec import ScheduleSpec
from rota.slot_times import previous_time
from schedules.ledger_pages import read_pages
from schedules.live import live_schedule

_LOOK_BACK_YEARS = 5


@dataclass(frozen=True)
class StartedRun:
    """The run that the schedule's own id for the slot names, if the server has it."""

    run_id: str
    at: datetime
    ended: str = ""
    """How it ended, for example `terminated`; empty while it runs."""


@dataclass(frozen=True)
class SlotFacts:
    """Everything that an explanation is made from."""

    name: str
    """Of the agent or pipeline."""
    slot: datetime
    now: datetime
    state: KeeperState
    entries: tuple[LedgerEntry, ...] = ()
    """Of the ledger, oldest first: those in the keeper, after those read from pages."""
    unread: str = ""
    """Why older entries could not be read; empty if they were, or were not needed."""
    live: bool = False
    """The server has a schedule of that name."""
    paused: bool = False
    note: str = ""
    """The live schedule's note, which says who paused it."""
    started: StartedRun | None = None

    @property
    def spec(self) -> PinnedSpec | None:
        """The declaration in force, or the last one."""
        return self.state.spec or self.state.retired

    @property
    def schedule(self) -> ScheduleSpec | None:
        """The schedule as declared now, or last."""
        return self.spec.schedule if self.spec else None

    def of_slot(self, slot: datetime) -> list[LedgerEntry]:
        """Entries of one slot, oldest first."""
        return [entry for entry in self.entries if _second(entry.slot) == _second(slot)]

    def neighbours(self) -> tuple[datetime | None, datetime | None]:
        """The newest declared slot up to the one in question, and the next one after it."""
        schedule = self.schedule
        if schedule is None:
            return None, None
        since = self.slot.replace(year=self.slot.year - _LOOK_BACK_YEARS, day=1)
        after = next_times(schedule, self.slot, 1)
        return previous_time(schedule, self.slot, since), after[0] if after else None


async def read_facts(
    client: Client,
    store: ObjectStore,
    name: str,
    slot: datetime,
    state: KeeperState,
    now: datetime,
) -> SlotFacts:
    """Gather what is known of `slot`.

    Raises:
        temporalio.service.RPCError: the server did not answer.
    """
    entries, unread = tuple(state.ledger.values()), ""
    if is_paged(state, slot):
        try:
            entries = (*await read_pages(store, state.pages), *entries)
        except StoreError as error:
            unread = str(error)
    live = await live_schedule(client, name)
    facts = SlotFacts(
        name=name,
        slot=slot,
        now=now,
        state=state,
        entries=entries,
        unread=unread,
        live=live is not None,
        paused=live.paused if live else False,
        note=live.note if live else "",
        started=await _started(client, scheduled_run_id(name, slot)),
    )
    return facts


async def _started(client: Client, run_id: str) -> StartedRun | None:
    try:
        found = await client.get_workflow_handle(run_id).describe()
    except RPCError as error:
        if is_missing(error):
            return None
        raise
    status = found.status or WorkflowExecutionStatus.RUNNING
    ended = "" if status is WorkflowExecutionStatus.RUNNING else status.name.lower()
    return StartedRun(run_id, found.start_time, ended)


def _second(at: datetime | None) -> datetime | None:
    return at.replace(microsecond=0) if at else None
