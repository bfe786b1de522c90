"""Why the ledger holds nothing of a slot.

Pure. The keeper hears of a slot only from a run that was started, so a gap is explained by
what else is known: the declared schedule, its state on the server, runs at work then.
"""

from datetime import datetime, timedelta

from rota.durations import format_duration
from rota.ids import format_slot
from rota.keeper_state import LedgerEntry
from rota.runs import RunStatus, Trigger
from rota.schedule_spec import Overlap, ScheduleSpec
from schedules.entry_reasons import Reason, ReasonKind
from schedules.slot_facts import SlotFacts

_DROPS = (Overlap.SKIP, Overlap.QUEUE_ONE)


def gap_reasons(facts: SlotFacts, *, is_slot: bool) -> list[Reason]:
    """The reasons that hold, the weightiest first; never empty.

    Args:
        facts: What is known.
        is_slot: The declared schedule has this slot.
    """
    if facts.unread:
        text = f"older entries of the ledger cannot be read: {facts.unread}"
        return [Reason(ReasonKind.GAP, text)]
    if facts.started is not None:
        return [_unadmitted(facts)]
    if facts.slot > facts.now:
        return _to_come(facts, is_slot)
    if not is_slot:
        return [Reason(ReasonKind.GAP, "no run was started for it")]
    begin = _begin_of_ledger(facts)
    if begin is None:
        return [Reason(ReasonKind.GAP, "no run was ever admitted"), *_standing(facts)]
    if facts.slot < begin:
        text = f"the ledger begins later, at {format_slot(begin)}: nothing is known of its time"
        return [Reason(ReasonKind.GAP, text)]
    return [*_dropped(facts), *_standing(facts)]


def _unadmitted(facts: SlotFacts) -> Reason:
    started = facts.started
    assert started is not None
    text = f"the server started {started.run_id} at {format_slot(started.at)}"
    if started.ended:
        text += f", which {started.ended} before it was admitted: see 'rota show {started.run_id}'"
    else:
        text += (
            ", which has not been admitted yet: its worker is busy or gone, see "
            f"'rota watch {started.run_id}'"
        )
    return Reason(ReasonKind.GAP, text, run_id=started.run_id, at=started.at)


def _to_come(facts: SlotFacts, is_slot: bool) -> list[Reason]:
    away = facts.slot - facts.now
    # To the minute is enough for what is a day away.
    unit = 60 if away > timedelta(days=1) else 1
    away = timedelta(seconds=away.total_seconds() // unit * unit)
    text = f"it lies in the future, {format_duration(away)} from now"
    standing = _standing(facts) if is_slot else []
    return [Reason(ReasonKind.GAP, text), *standing]


def _standing(facts: SlotFacts) -> list[Reason]:
    """What keeps the schedule from starting runs now, and perhaps did then."""
    if facts.state.spec is None:
        text = "no declaration is in force any more: 'rota apply' in its fleet declares it again"
        return [Reason(ReasonKind.SCHEDULE, text)]
    if not facts.live:
        text = f"the server has no schedule '{facts.name}': 'rota apply' creates it"
        return [Reason(ReasonKind.SCHEDULE, text)]
    if facts.paused:
        note = f" ({facts.note})" if facts.note else ""
        text = (
            f"the schedule is paused{note}: slots that come meanwhile are dropped; "
            f"'rota resume {facts.name}' ends it"
        )
        return [Reason(ReasonKind.SCHEDULE, text)]
    return []


def _dropped(facts: SlotFacts) -> list[Reason]:
    schedule = facts.schedule
    assert schedule is not None
    busy = _at_work(facts)
    if busy is not None and busy.run is not None and schedule.overlap in _DROPS:
        until = f"until {format_slot(busy.settled_at)}" if busy.settled_at else "and still is"
        text = (
            f"{busy.run.id} was at work at that time, {until}; with overlap "
            f"'{schedule.overlap.value}' the server drops the slots that come meanwhile"
        )
        return [Reason(ReasonKind.GAP, text, run_id=busy.run.id, at=busy.admitted_at)]
    return [Reason(ReasonKind.GAP, _unknown(facts, schedule))]


def _unknown(facts: SlotFacts, schedule: ScheduleSpec) -> str:
    window = format_duration(schedule.catchup.window)
    slot = format_slot(facts.slot)
    repair = f"'rota backfill {facts.name} --from {slot} --to {slot}' runs it now"
    return (
        f"no run was ever admitted for it: the server was down for longer than the catch-up "
        f"window of {window}, the schedule was paused or not applied yet, or the run ended "
        f"before its keeper heard of it; {repair}"
    )


def _at_work(facts: SlotFacts) -> LedgerEntry | None:
    """A run of the schedule that was open when the slot came."""
    for entry in facts.entries:
        worked = entry.run is not None and entry.status is not RunStatus.SKIPPED
        before = entry.slot is not None and entry.slot < facts.slot
        open_then = entry.settled_at is None or entry.settled_at > facts.slot
        if worked and before and open_then and entry.trigger is Trigger.SCHEDULE:
            return entry
    return None


def _begin_of_ledger(facts: SlotFacts) -> datetime | None:
    """The earliest time that the ledger says anything of; None if it is empty."""
    times = [entry.slot or entry.admitted_at for entry in facts.entries]
    pages = facts.state.paged_slots
    if pages is not None:
        times.append(pages.start or pages.end)
    return min(times, default=None)
