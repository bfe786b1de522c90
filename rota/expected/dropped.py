"""Slots that the server has dropped as too old, if that is what its own count must mean.

Pure. The server counts them and does not say which they were. A slot is dropped so only if the
server was away from its time until the end of the catch-up window.
"""

from collections.abc import Callable
from datetime import datetime
from itertools import islice

from rota.expected.evidence import Evidence
from rota.expected.in_force import slots_in_force
from rota.schedule.spec import ScheduleSpec


def dropped_slots(
    evidence: Evidence, now: datetime, explained: Callable[[datetime, ScheduleSpec], object]
) -> frozenset[datetime]:
    """Return the slots without any other reason, if the server has dropped as many.

    Of more than that nobody can tell which were dropped: then none.

    Args:
        evidence: What is known.
        now: When it was gathered.
        explained: Another reason why nothing ran for a slot, if there is one.
    """
    live, begin = evidence.live, evidence.complete_since
    if live is None or not live.too_old or begin is None:
        return frozenset()
    begin = max(begin, live.created) if live.created else begin
    found = (
        slot
        for slot, declared in slots_in_force(evidence.chronicle, begin, now)
        if declared.schedule is not None
        and _was_away(evidence, slot, declared.schedule, now)
        and explained(slot, declared.schedule) is None
    )
    some = list(islice(found, live.too_old + 1))
    return frozenset(some) if len(some) <= live.too_old else frozenset()


def _was_away(evidence: Evidence, slot: datetime, schedule: ScheduleSpec, now: datetime) -> bool:
    """True if nothing is known of a slot, nor of the time in which it grew too old."""
    if evidence.of_slot(slot) or slot in evidence.fired or slot in evidence.ordered:
        return False
    back = evidence.sign_after(slot) or now
    return min(back, now) > slot + schedule.catchup.window
