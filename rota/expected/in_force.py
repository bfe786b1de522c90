"""What was in force when: declarations, and a schedule that was paused or resumed by hand.

Pure. Whether a slot was expected depends on the declaration of its own time, not on today's;
so a keeper remembers the newest of what was declared, and each word of a pause.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise

from rota.model import Record
from rota.pinned_spec import PinnedSpec
from rota.runs import Instant
from rota.schedule.slot_times import times_between
from rota.schedule.spec import ScheduleSpec

MOST_VERSIONS = 50
"""Declarations that a keeper remembers; of slots before these nobody knows any more. Of older ones
with the same schedule it remembers just that."""
MOST_TOGGLES = 100
_SECOND = timedelta(seconds=1)


class InForce(Record):
    """A declaration that was put in force, or the end of all of them."""

    since: datetime
    version: str = ""
    """Digest of the declaration; empty: it was taken back, or there were several."""
    schedule: ScheduleSpec | None = None
    by: str = ""
    """Who applied it, if that is known."""


class Toggle(Record):
    """The schedule on the server was paused, or set going, at a moment."""

    at: Instant
    paused: bool
    note: str = ""
    """Why, or by whom."""


class Chronicle(Record):
    """What a keeper remembers of both."""

    declared: tuple[InForce, ...] = ()
    """Oldest first; each holds until the next."""
    toggles: tuple[Toggle, ...] = ()
    """In the order of their times; each holds until the next."""

    def declared_at(self, moment: datetime) -> InForce | None:
        """What was in force; None if that is before all that is remembered."""
        found = (each for each in reversed(self.declared) if each.since <= moment)
        return next(found, None)

    def paused_at(self, moment: datetime) -> Toggle | None:
        """Since when, and why, the schedule stood still; None if it did not."""
        toggle = next((each for each in reversed(self.toggles) if each.at <= moment), None)
        if toggle is not None:
            return toggle if toggle.paused else None
        declared = self.declared_at(moment)
        if declared is None or declared.schedule is None or not declared.schedule.paused:
            return None
        return Toggle(at=declared.since, paused=True, note="declared with 'paused: true'")


def declared(chronicle: Chronicle, spec: PinnedSpec | None, now: datetime) -> Chronicle:
    """Note what is in force from now on; None: nothing is. The same again changes nothing."""
    last = chronicle.declared[-1] if chronicle.declared else None
    entry = InForce(since=now)
    if spec is not None:
        schedule, by = spec.schedule, spec.applied_by
        entry = InForce(since=now, version=spec.digest, schedule=schedule, by=by)
    same = last is not None and (last.version, last.schedule) == (entry.version, entry.schedule)
    if same or (last is None and spec is None):
        return chronicle
    return chronicle.model_copy(update={"declared": _kept((*chronicle.declared, entry))})


def _kept(entries: tuple[InForce, ...]) -> tuple[InForce, ...]:
    """As many as are remembered: slots matter longer than which version has expected them."""
    if len(entries) <= MOST_VERSIONS:
        return entries
    # The newest stays as it is: it is the one in force.
    for place, (one, other) in enumerate(pairwise(entries[:-1])):
        if one.schedule == other.schedule:
            merged = InForce(since=one.since, schedule=one.schedule)
            return (*entries[:place], merged, *entries[place + 2 :])
    return entries[1:]


def toggled(chronicle: Chronicle, toggle: Toggle) -> Chronicle:
    """Note that the schedule was paused or resumed. What says nothing new is left out.

    Word may come late, and out of order: each has its own time.
    """
    toggles = sorted((*chronicle.toggles, toggle), key=lambda each: each.at)
    told = [
        each
        for before, each in pairwise((None, *toggles))
        if each is not None and (before is None or before.paused != each.paused)
    ]
    return chronicle.model_copy(update={"toggles": tuple(told[-MOST_TOGGLES:])})


def slots_in_force(
    chronicle: Chronicle, since: datetime, until: datetime
) -> Iterator[tuple[datetime, InForce]]:
    """Yield each slot from `since` to `until`, both included, with what declared it.

    Oldest first. Slots of a schedule that was paused are among them.

    Raises:
        ValueError: a schedule's zone is not known here.
    """
    for entry, following in pairwise((*chronicle.declared, None)):
        if entry is None or entry.schedule is None:
            continue
        end = until if following is None else min(until, following.since - timedelta.resolution)
        begin = max(since, entry.since)
        if begin <= end:
            for slot in times_between(entry.schedule, begin, end):
                yield slot, entry
