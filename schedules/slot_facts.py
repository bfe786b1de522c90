"""What is known of one slot: read from the keeper's state, the store and the server."""

from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError

from activities.server_errors import is_missing
from activities.slot_evidence import read_evidence
from activities.stores.base import ObjectStore
from rota.expected.evidence import Evidence, Fired
from rota.expected.in_force import InForce
from rota.expected.slot_state import Verdict
from rota.expected.verdicts import verdict_of
from rota.ids import scheduled_run_id
from rota.keepers.state import KeeperState, LedgerEntry
from rota.pinned_spec import PinnedSpec
from rota.schedule.calendars import next_times
from rota.schedule.slot_times import previous_time
from rota.schedule.spec import ScheduleSpec

_LOOK_BACK_YEARS = 5


@dataclass(frozen=True)
class SlotFacts:
    """Everything that an explanation is made from."""

    name: str
    """Of the agent or pipeline."""
    slot: datetime
    now: datetime
    state: KeeperState
    evidence: Evidence

    @property
    def entries(self) -> tuple[LedgerEntry, ...]:
        """Of the ledger, oldest first: those in the keeper, after those read from pages."""
        return self.evidence.entries

    @property
    def spec(self) -> PinnedSpec | None:
        """The declaration in force, or the last one."""
        return self.state.spec or self.state.retired

    @property
    def in_force(self) -> InForce | None:
        """What was declared at the slot's time; None if that is not remembered."""
        return self.evidence.chronicle.declared_at(self.slot)

    @property
    def schedule(self) -> ScheduleSpec | None:
        """The schedule of the slot's time; before all that is remembered, the last one."""
        return self.evidence.schedule_at(self.slot)

    @cached_property
    def verdict(self) -> Verdict:
        """What became of the slot."""
        return verdict_of(self.evidence, self.slot, self.now)

    def of_slot(self, slot: datetime) -> list[LedgerEntry]:
        """Entries of one slot, oldest first; also of handoffs, which settle none."""
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
    evidence = await read_evidence(client, store, name, state, slot, now)
    if slot not in evidence.fired:
        started = await _started(client, scheduled_run_id(name, slot))
        if started is not None:
            evidence = replace(evidence, fired={**evidence.fired, slot: started})
    return SlotFacts(name=name, slot=slot, now=now, state=state, evidence=evidence)


async def _started(client: Client, run_id: str) -> Fired | None:
    """The run that the schedule's own id for the slot names; lists lag, and forget it."""
    try:
        found = await client.get_workflow_handle(run_id).describe()
    except RPCError as error:
        if is_missing(error):
            return None
        raise
    status = found.status or WorkflowExecutionStatus.RUNNING
    how = "" if status is WorkflowExecutionStatus.RUNNING else status.name.lower()
    return Fired(run=run_id, at=found.start_time, ended=found.close_time, how=how)


def _second(at: datetime | None) -> datetime | None:
    return at.replace(microsecond=0) if at else None
