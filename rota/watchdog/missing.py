"""Which slots people are told of as missed: not every one that did not run. Pure.

`rota missed` lists all of them. Told is what nobody wants so: what a person holds back, what the
declaration itself drops and what is still to be decided is not.
"""

from datetime import datetime, timedelta
from functools import cached_property

from rota.agent_spec import SessionConcurrency
from rota.expected.evidence import Evidence, Outage
from rota.expected.slot_state import SlotState, Verdict
from rota.expected.verdicts import Judge
from rota.keepers.slots import LATE
from rota.keepers.state import LedgerEntry
from rota.language.durations import format_duration
from rota.pinned_spec import PinnedSpec
from rota.runs import RunStatus
from rota.schedule.calendars import next_times
from rota.watchdog.sla import finish_time

UNDECIDED = timedelta(days=7)
"""What is not decided after that is missed, for nobody can wait for it any longer."""

_BEGAN = (SlotState.SUCCEEDED, SlotState.FAILED, SlotState.RUNNING)
_HELD = (SlotState.PAUSED, SlotState.FROZEN, SlotState.NOT_EXPECTED, SlotState.COALESCED)
"""Somebody wants it so, or a newer slot answers for it, as declared."""
_TO_COME = (SlotState.NOT_DUE, SlotState.HELD_BACK)
_CAUGHT_UP_ON = (SlotState.SERVER_DOWN, SlotState.UNKNOWN)
"""What a slot seems to be until the server, back again, has started it."""
_NOTHING_BEGAN = (
    SlotState.NO_SCHEDULE,
    SlotState.SERVER_DOWN,
    SlotState.OUTSIDE_WINDOW,
    SlotState.UNKNOWN,
)
"""Nothing was in the way: no pause, no run at work."""


class Slots:
    """Judges slots of one agent for the Watchdog.

    Args:
        evidence: What is known of it.
        spec: The declaration in force.
        now: When the evidence was gathered.
        unwatched: When no check was made last, though one was due: the server may have been away.
    """

    def __init__(
        self,
        evidence: Evidence,
        spec: PinnedSpec,
        now: datetime,
        unwatched: Outage | None = None,
    ) -> None:
        self.evidence = evidence
        self.spec = spec
        self.now = now
        self._unwatched = unwatched
        self._judge = Judge(evidence, now)

    def verdict(self, slot: datetime) -> Verdict:
        """What became of a slot.

        Raises:
            ValueError: a schedule's zone is not known here.
        """
        verdict = self._judge.verdict(slot)
        if not self._may_change(verdict) or self.is_undecided(verdict):
            return verdict
        waited = f"it has waited for {format_duration(UNDECIDED)}"
        reason = f"{waited}: {verdict.reason}" if verdict.reason else waited
        return verdict.model_copy(update={"reason": reason})

    def is_undecided(self, verdict: Verdict) -> bool:
        """It may still be started, or known: a later check judges it again."""
        return self._may_change(verdict) and self.now - verdict.slot < UNDECIDED

    def has_begun(self, verdict: Verdict) -> bool:
        """A run of it works, or has worked."""
        return verdict.state in _BEGAN and verdict.status is not RunStatus.QUEUED

    def is_missed(self, verdict: Verdict) -> bool:
        """People are to be told of it.

        Raises:
            ValueError: the declaration's zone is not known here.
        """
        if self._may_change(verdict):
            return not self.is_undecided(verdict)
        return verdict.state not in (*_BEGAN, *_HELD) and not self._is_declared(verdict)

    def is_unstarted(self, verdict: Verdict) -> bool:
        """Nothing began for it, though nothing was in the way."""
        return verdict.state in _NOTHING_BEGAN and not self._is_caught_up_on(verdict)

    @cached_property
    def at_rest(self) -> str:
        """Why nothing begins by itself any more; empty if something does."""
        schedule = self.spec.schedule
        if schedule is None:
            return "it has no schedule any more"
        if schedule.paused and self.evidence.chronicle.paused_at(self.now) is not None:
            return "its schedule is declared with 'paused: true'"
        return ""

    @cached_property
    def is_at_end(self) -> bool:
        """The schedule has no slot to come.

        Raises:
            ValueError: its zone is not known here.
        """
        schedule = self.spec.schedule
        return schedule is not None and not next_times(schedule, self.now, 1)

    def _may_change(self, verdict: Verdict) -> bool:
        if verdict.state is SlotState.UNADMITTED:
            # Once its worker is back, it is admitted.
            fired = self.evidence.fired.get(verdict.slot)
            return fired is not None and fired.ended is None
        unread = self.evidence.unread_until
        if verdict.state is SlotState.UNKNOWN and unread is not None and verdict.slot <= unread:
            return True
        to_come = verdict.state in _TO_COME or verdict.status is RunStatus.QUEUED
        return to_come or self._is_caught_up_on(verdict)

    def _is_caught_up_on(self, verdict: Verdict) -> bool:
        """The server, back just now, may be about to start it.

        A check is caught up on as runs are, and may be the first of them all to be started.
        """
        away, slot = self._unwatched, verdict.slot
        schedule = self.evidence.schedule_at(slot)
        if away is None or schedule is None or verdict.state not in _CAUGHT_UP_ON:
            return False
        patience = LATE + schedule.jitter
        came_meanwhile = away.since - patience < slot <= away.until
        in_window = away.until - slot <= schedule.catchup.window + patience
        return came_meanwhile and in_window and self.now - away.until < patience

    def _is_declared(self, verdict: Verdict) -> bool:
        """Dropped as declared: behind a run that takes no longer than it may."""
        spec = self.spec
        if spec.sla is not None and spec.sla.start_within is not None:
            # Somebody relies on each slot.
            return False
        if verdict.state is SlotState.OVERLAP:
            work = self.evidence.at_work(verdict.slot)
            return work is not None and self._may_work(work.slot, work.began, verdict.slot)
        if verdict.state is not SlotState.SKIPPED:
            return False
        entries = self.evidence.of_slot(verdict.slot)
        if any(entry.same_as is not None for entry in entries):
            return True
        if spec.session_concurrency is not SessionConcurrency.SKIP:
            return False
        before = self._holder(entries[-1])
        return before is not None and self._may_work(
            before.own_slot, before.admitted_at, verdict.slot
        )

    def _holder(self, refused: LedgerEntry) -> LedgerEntry | None:
        """The run that held the session when another was turned away."""
        at = refused.admitted_at
        holders = (
            entry
            for entry in self.evidence.entries
            if entry.run is not None
            and entry.session == refused.session
            and entry.status is not RunStatus.SKIPPED
            and entry.admitted_at <= at
            and (entry.settled_at is None or entry.settled_at > at)
        )
        return next(holders, None)

    def _may_work(self, slot: datetime | None, began: datetime, at: datetime) -> bool:
        due = finish_time(self.spec.sla, slot, began, self.spec.timezone)
        return at <= (due or began + timedelta(seconds=self.spec.wall_clock_seconds))
