"""Times in which nothing was started: seen by somebody, or told by slots that started late.

Pure. A server that was down leaves no word of it. But it catches up when it is back: a slot
whose run began long after its time, with no other run in its way, says that nobody was there
to start it; and the agent's last sign of life before tells since when that may have been so. It
was over when the next slot was started on time.
"""

from datetime import datetime, timedelta

from rota.expected.evidence import QUEUEING, Evidence, Outage
from rota.keepers.slots import LATE
from rota.schedule.spec import ScheduleSpec


def outages_of(evidence: Evidence) -> list[Outage]:
    """All that are known or show, oldest first, those that touch made one."""
    found = [*evidence.outages, *_shown(evidence)]
    merged: list[Outage] = []
    for outage in sorted(found, key=lambda each: (each.since, each.until)):
        if merged and outage.since <= merged[-1].until:
            until = max(merged[-1].until, outage.until)
            merged[-1] = Outage(since=merged[-1].since, until=until)
        else:
            merged.append(outage)
    return merged


def _shown(evidence: Evidence) -> list[Outage]:
    shown: list[Outage] = []
    for slot, began in evidence.starts:
        schedule = evidence.schedule_at(slot)
        if schedule is None or began - slot <= LATE + schedule.jitter:
            continue
        if schedule.overlap in QUEUEING and _was_held_back(evidence, slot):
            continue
        if schedule.overlap not in QUEUEING and _is_backfill(evidence, slot, schedule):
            continue
        since = evidence.signs_before(slot) or slot
        back = evidence.on_time_after(slot)
        # Between two looks of the server nothing shows: it was there a moment after its sign.
        until = began if back is None else min(began, back)
        shown.append(Outage(since=since + timedelta.resolution, until=until))
    return shown


def _is_backfill(evidence: Evidence, slot: datetime, schedule: ScheduleSpec) -> bool:
    """True if only a person can have had the server start a run for so old a slot.

    Of a start of which the keeper alone knows nothing follows: workers may have been away.
    """
    fired = evidence.fired.get(slot)
    longest = schedule.catchup.window + schedule.jitter + LATE
    return fired is not None and fired.at - slot > longest


def _was_held_back(evidence: Evidence, slot: datetime) -> bool:
    """True if the slot waited for an earlier run, as its overlap policy wants."""
    return evidence.at_work(slot) is not None


def outage_at(outages: list[Outage], moment: datetime) -> Outage | None:
    """The outage that `moment` lies in; None if none is known."""
    return next((each for each in outages if each.since <= moment < each.until), None)
