"""Why no run was ever admitted for a slot.

Pure. The keeper hears of a slot only from a run that was started; so what was not started is
explained by what else is known. The reasons stand in the order in which they act: whatever
comes first would have stopped the slot, whatever came after it.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import cached_property

from rota.expected.by_hand import pause_at
from rota.expected.dropped import dropped_slots
from rota.expected.evidence import DROPPING, Evidence, Outage, Work
from rota.expected.outages import outage_at
from rota.expected.slot_state import SlotState, Verdict
from rota.ids import format_slot
from rota.keepers.slots import LATE
from rota.language.durations import format_duration
from rota.schedule.calendars import next_times
from rota.schedule.slot_times import times_between
from rota.schedule.spec import Overlap, ScheduleSpec

_Reason = Callable[[datetime, ScheduleSpec], Verdict | None]


class Gaps:
    """Judges slots of which the ledger says nothing.

    Args:
        evidence: What is known.
        outages: Of it, from `outages_of`.
        now: When it was gathered.
    """

    def __init__(self, evidence: Evidence, outages: list[Outage], now: datetime) -> None:
        self._evidence = evidence
        self._outages = outages
        self._now = now
        self._reasons: tuple[_Reason, ...] = (
            self._to_come,
            self._before_all,
            self._paused,
            self._changed,
            self._behind_another,
            self._frozen,
            self._just_come,
            self._down,
            self._without_schedule,
        )

    def judge(self, slot: datetime) -> Verdict:
        """Return the first reason that holds; `unknown` if none does."""
        ordered = self._evidence.ordered.get(slot)
        if ordered is not None:
            text = f"{ordered} was ordered and is still to come"
            return Verdict(slot=slot, state=SlotState.RUNNING, reason=text, run=ordered)
        started = self._not_heard_of(slot)
        if started is not None:
            return started
        schedule = self._evidence.schedule_at(slot)
        if schedule is None or not any(times_between(schedule, slot, slot)):
            text = "no schedule in force at its time has it"
            return Verdict(slot=slot, state=SlotState.NOT_EXPECTED, reason=text)
        told = self._reason(slot, schedule)
        if told is not None:
            return told
        live = self._evidence.live
        if live is not None and slot in self._dropped:
            text = f"the server was not there: {live.as_counted}"
            state = SlotState.OUTSIDE_WINDOW
            return Verdict(slot=slot, state=state, reason=text, concluded=True)
        hints = "".join(f"; {hint}" for hint in self._hints())
        text = (
            "no run was ever admitted for it, and nothing tells why: the server may have been "
            f"down, or its schedule paused by hand in the Temporal UI{hints}"
        )
        return Verdict(slot=slot, state=SlotState.UNKNOWN, reason=text)

    def _reason(self, slot: datetime, schedule: ScheduleSpec) -> Verdict | None:
        verdicts = (reason(slot, schedule) for reason in self._reasons)
        return next((verdict for verdict in verdicts if verdict is not None), None)

    def _hints(self) -> Iterator[str]:
        live = self._evidence.live
        if live is None:
            return
        if live.paused and self._evidence.chronicle.paused_at(self._now) is None:
            yield "it is paused now, and nobody has told since when"
        if live.differs:
            yield live.as_changed
        if live.too_old:
            yield live.as_counted

    def _not_heard_of(self, slot: datetime) -> Verdict | None:
        fired = self._evidence.fired.get(slot)
        if fired is None:
            return None
        if fired.ended is None:
            reason = "which has not been admitted yet: its worker is busy or gone"
        else:
            reason = f"which {fired.how or 'ended'} before it was admitted"
        text = f"the server started {fired.run} at {format_slot(fired.at)}, {reason}"
        state = SlotState.UNADMITTED
        return Verdict(slot=slot, state=state, reason=text, run=fired.run, at=fired.at)

    def _to_come(self, slot: datetime, schedule: ScheduleSpec) -> Verdict | None:
        if slot <= self._now:
            return None
        return Verdict(slot=slot, state=SlotState.NOT_DUE, reason="it lies in the future")

    def _before_all(self, slot: datetime, schedule: ScheduleSpec) -> Verdict | None:
        known, begin = self._evidence, self._evidence.begin
        if known.unread_until is not None and slot <= known.unread_until:
            text = f"older entries of the ledger cannot be read: {known.unread}"
        elif begin is None:
            text = "no run was ever admitted"
        elif slot < begin:
            text = f"the ledger begins later, at {format_slot(begin)}: nothing is known of its time"
        else:
            return None
        return Verdict(slot=slot, state=SlotState.UNKNOWN, reason=text)

    def _paused(self, slot: datetime, schedule: ScheduleSpec) -> Verdict | None:
        toggle = pause_at(self._evidence, slot)
        if toggle is None:
            return None
        because = f" ({toggle.note})" if toggle.note else ""
        text = (
            f"the schedule was paused{because} at {format_slot(toggle.at)}: slots that come "
            "meanwhile are dropped"
        )
        return Verdict(slot=slot, state=SlotState.PAUSED, reason=text, at=toggle.at)

    def _changed(self, slot: datetime, schedule: ScheduleSpec) -> Verdict | None:
        live = self._evidence.live
        if live is None or live.fires is None or not live.fires.lacks(slot):
            return None
        text = f"the server does not fire for it: {live.as_changed}; 'rota apply' mends it"
        return Verdict(slot=slot, state=SlotState.NO_SCHEDULE, reason=text)

    def _down(self, slot: datetime, schedule: ScheduleSpec) -> Verdict | None:
        outage = outage_at(self._outages, slot)
        if outage is None:
            return None
        window = schedule.catchup.window
        since, until = format_slot(outage.since), format_slot(outage.until)
        text = f"nothing was started from {since} to {until}: then "
        if slot < outage.until - window:
            state = SlotState.OUTSIDE_WINDOW
            text += f"it was older than the catch-up window of {format_duration(window)}"
        else:
            state = SlotState.SERVER_DOWN
            text += "an earlier slot was caught up on, and this one was dropped"
        return Verdict(slot=slot, state=state, reason=text, at=outage.until, concluded=True)

    def _behind_another(self, slot: datetime, schedule: ScheduleSpec) -> Verdict | None:
        work = self._evidence.at_work(slot)
        if work is None:
            return None
        if work.end is None and self._is_held(slot, work, schedule):
            text = f"the server holds it back until {work.run} has ended"
            return Verdict(slot=slot, state=SlotState.HELD_BACK, reason=text, run=work.run)
        if schedule.overlap not in DROPPING:
            return None
        until = f"until {format_slot(work.end)}" if work.end else "and still is"
        text = (
            f"{work.run} was at work at that time, {until}; with overlap "
            f"'{schedule.overlap.value}' the server drops the slots that come meanwhile"
        )
        return Verdict(
            slot=slot,
            state=SlotState.OVERLAP,
            reason=text,
            run=work.run,
            at=work.end,
            concluded=True,
        )

    def _is_held(self, slot: datetime, work: Work, schedule: ScheduleSpec) -> bool:
        """True if the slot is in the server's queue behind a run that is still at work."""
        if schedule.overlap is Overlap.QUEUE_ALL:
            return True
        # Of those that wait, the first alone is kept.
        waiting = schedule.overlap is Overlap.QUEUE_ONE
        return waiting and next_times(schedule, work.slot, 1) == [slot]

    def _frozen(self, slot: datetime, schedule: ScheduleSpec) -> Verdict | None:
        for past in self._evidence.freezes:
            if past.freeze.at <= slot < past.ended:
                text = f"{past.freeze.text}; no run was started for it"
                at = past.freeze.at
                return Verdict(slot=slot, state=SlotState.FROZEN, reason=text, at=at)
        return None

    def _just_come(self, slot: datetime, schedule: ScheduleSpec) -> Verdict | None:
        if self._now - slot > LATE + schedule.jitter:
            return None
        text = "its time has just come: it is about to be started"
        return Verdict(slot=slot, state=SlotState.NOT_DUE, reason=text)

    def _without_schedule(self, slot: datetime, schedule: ScheduleSpec) -> Verdict | None:
        live = self._evidence.live
        if live is None:
            text = f"the server has no schedule '{self._evidence.name}': 'rota apply' creates it"
        elif live.created is not None and slot < live.created:
            text = f"the server's schedule was made later, at {format_slot(live.created)}"
        else:
            return None
        return Verdict(slot=slot, state=SlotState.NO_SCHEDULE, reason=text)

    @cached_property
    def _dropped(self) -> frozenset[datetime]:
        return dropped_slots(self._evidence, self._now, self._reason)
