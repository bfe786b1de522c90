"""All that is known of an agent's slots: what a verdict is made from.

Pure. Whoever asks gathers it: the ledger and what was in force from the keeper, what the
server has started and how its schedule stands from the server. Each part may be missing; then
less can be said, and nothing is made up.
"""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from itertools import accumulate
from typing import NamedTuple

from rota.expected.in_force import Chronicle
from rota.expected.live import LiveSchedule
from rota.keepers.freeze import PastFreeze
from rota.keepers.slots import LATE
from rota.keepers.state import KeeperState, LedgerEntry
from rota.model import Record
from rota.runs import Trigger
from rota.schedule.slot_times import times_between
from rota.schedule.spec import Overlap, ScheduleSpec


class Fired(Record):
    """A run that the server has started for a slot."""

    run: str
    """Workflow id."""
    at: datetime
    ended: datetime | None = None
    how: str = ""
    """How it ended in Temporal, for example `terminated`; empty while it runs."""


class Outage(Record):
    """A time in which the server, or all workers, did nothing."""

    since: datetime
    until: datetime


class Work(NamedTuple):
    """A run that the server's overlap policy counts with."""

    slot: datetime
    began: datetime
    end: datetime | None
    run: str


@dataclass(frozen=True)
class Evidence:
    """What is known of one agent or pipeline."""

    name: str
    entries: tuple[LedgerEntry, ...] = ()
    """Of the ledger, oldest first."""
    chronicle: Chronicle = field(default_factory=Chronicle)
    schedule: ScheduleSpec | None = None
    """As declared now, or last."""
    freezes: tuple[PastFreeze, ...] = ()
    """Oldest first; one in force ends when the evidence was gathered."""
    fired: dict[datetime, Fired] = field(default_factory=dict[datetime, Fired])
    """By slot: what the server still knows of runs that the schedule has started."""
    live: LiveSchedule | None = None
    """None: the server has no such schedule."""
    outages: tuple[Outage, ...] = ()
    """That somebody has seen; those that show in the ledger are found without."""
    ordered: dict[datetime, str] = field(default_factory=dict[datetime, str])
    """By slot: runs that the keeper is to start for it."""
    unread: str = ""
    """Why older entries could not be read; empty if they were."""
    unread_until: datetime | None = None
    """The newest slot among those."""
    paged_since: datetime | None = None
    """The oldest slot of all pages, also of those that were not read."""

    @staticmethod
    def of(
        name: str, state: KeeperState, entries: tuple[LedgerEntry, ...], now: datetime
    ) -> "Evidence":
        """What a keeper knows; `entries` with those of its pages, as far as they were read."""
        spec, pages = state.spec or state.retired, state.paged_slots
        held = (PastFreeze(freeze=state.freeze, ended=now),) if state.freeze else ()
        return Evidence(
            name=name,
            entries=entries,
            chronicle=state.in_force,
            schedule=spec.schedule if spec else None,
            freezes=(*state.thawed, *held),
            ordered={order.slot: order.run_id for order in state.orders if order.slot},
            paged_since=(pages.start or pages.end) if pages else None,
        )

    def schedule_at(self, moment: datetime) -> ScheduleSpec | None:
        """The schedule in force then; before all that is remembered, today's."""
        declared = self.chronicle.declared_at(moment)
        return declared.schedule if declared is not None else self.schedule

    def of_slot(self, slot: datetime) -> list[LedgerEntry]:
        """What the ledger says of a slot, oldest first."""
        return self._by_slot.get(slot, [])

    @cached_property
    def begin(self) -> datetime | None:
        """The earliest time of which anything is known; None if nothing is."""
        times = [entry.own_slot or entry.admitted_at for entry in self.entries]
        times += [entry.since for entry in self.chronicle.declared[:1]]
        times += [self.paged_since] if self.paged_since else []
        return min(times, default=None)

    @cached_property
    def complete_since(self) -> datetime | None:
        """From when on all entries are at hand; None if there is none."""
        first = min((entry.own_slot or entry.admitted_at for entry in self.entries), default=None)
        if self.paged_since is None or first is None or first <= self.paged_since:
            return self.begin
        return first

    def at_work(self, slot: datetime) -> Work | None:
        """The run of another slot that was at work when this one came, and ends last."""
        place = bisect_left(self._begins, slot)
        if place == 0:
            return None
        latest = self._latest[place - 1]
        if latest.end is None or latest.end > slot:
            return latest
        return None

    def signs_before(self, moment: datetime) -> datetime | None:
        """When the agent was last seen alive up to `moment`."""
        place = bisect_right(self._signs, moment)
        return self._signs[place - 1] if place else None

    def sign_after(self, moment: datetime) -> datetime | None:
        """When the agent was first seen alive after `moment`."""
        place = bisect_right(self._signs, moment)
        return self._signs[place] if place < len(self._signs) else None

    def on_time_after(self, moment: datetime) -> datetime | None:
        """When the first run began of those whose slots came later, and that began on time."""
        place = bisect_right(self._on_time, moment, key=lambda start: start[0])
        return self._on_time[place][1] if place < len(self._on_time) else None

    def was_going(self, since: datetime, until: datetime | None) -> bool:
        """True if the schedule started one of its slots between the two, on time."""
        place = bisect_right(self._on_time, since, key=lambda start: start[0])
        for index in range(place, len(self._on_time)):
            slot, _ = self._on_time[index]
            if until is not None and slot >= until:
                return False
            # A run that a person triggers has the time of that as its slot.
            schedule = self.schedule_at(slot)
            if schedule is not None and any(times_between(schedule, slot, slot)):
                return True
        return False

    @cached_property
    def _by_slot(self) -> dict[datetime, list[LedgerEntry]]:
        found: dict[datetime, list[LedgerEntry]] = {}
        for entry in self.entries:
            if entry.own_slot is not None:
                found.setdefault(entry.own_slot.replace(microsecond=0), []).append(entry)
        return found

    @cached_property
    def _work(self) -> list[Work]:
        """Runs of the schedule, in the order of their starts; the server's word goes first."""
        worked: dict[datetime, Work] = {}
        # In their place Rota itself starts the newer slot's run, which no policy counts.
        chosen = {entry.coalesced_into for entry in self.entries}
        for entry in self.entries:
            if entry.run is None or not entry.slot or entry.trigger is not Trigger.SCHEDULE:
                continue
            if entry.slot not in chosen:
                began, end = entry.admitted_at, entry.settled_at
                worked[entry.slot] = Work(entry.slot, began, end, entry.run.id)
        for slot, fired in self.fired.items():
            worked[slot] = Work(slot, fired.at, fired.ended, fired.run)
        return sorted(worked.values(), key=lambda work: work.began)

    @cached_property
    def _begins(self) -> list[datetime]:
        return [work.began for work in self._work]

    @cached_property
    def _latest(self) -> list[Work]:
        """By place in `_work`: which of those up to there ended last."""

        def later(one: Work, other: Work) -> Work:
            if one.end is None or other.end is None:
                return one if one.end is None else other
            return other if other.end >= one.end else one

        return list(accumulate(self._work, later))

    @cached_property
    def _on_time(self) -> list[tuple[datetime, datetime]]:
        """Slot and start of the runs that began when they were meant to, by slot."""

        def allowed(slot: datetime) -> timedelta:
            schedule = self.schedule_at(slot)
            return LATE + (schedule.jitter if schedule is not None else timedelta(0))

        return sorted(start for start in self.starts if start[1] - start[0] <= allowed(start[0]))

    @cached_property
    def _signs(self) -> list[datetime]:
        times = {entry.admitted_at for entry in self.entries}
        times |= {entry.settled_at for entry in self.entries if entry.settled_at is not None}
        times |= {fired.at for fired in self.fired.values()}
        times |= {declared.since for declared in self.chronicle.declared}
        times |= {toggle.at for toggle in self.chronicle.toggles}
        times |= {past.freeze.at for past in self.freezes}
        return sorted(times)

    @property
    def starts(self) -> list[tuple[datetime, datetime]]:
        """Slot and start of each run of the schedule: as the server has it, else the keeper."""
        return [(work.slot, work.began) for work in self._work]


DROPPING = (Overlap.SKIP, Overlap.QUEUE_ONE)
"""Overlap policies under which the server drops slots while a run works."""
QUEUEING = (Overlap.QUEUE_ONE, Overlap.QUEUE_ALL)
"""Those under which it holds slots back until the run has ended."""
