"""One declaration beside what the server has of it, and what follows from that.

Pure: everything it looks at has been read before.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from activities.server_schedule import PAUSED, Fields
from rota.agent_spec import AgentSpec
from rota.pipelines.spec import PipelineSpec
from rota.schedule.calendars import next_times
from rota.schedule.clock_changes import ClockEffect, clock_effects
from schedules.changes import Action, AgentPlan, FieldChange, Step
from schedules.declared import Declaration
from schedules.desired import PAUSED_NOTE
from schedules.differences import declared_fields, field_changes, merged, spec_changes
from schedules.fields import TIMING
from schedules.live import LiveAgent, LiveSchedule
from schedules.subscribing import Subscriptions

SLOTS_SHOWN = 5
CLOCK_HORIZON = timedelta(days=14)

_PAUSING = {PAUSED, "schedule", "digest"}


@dataclass(frozen=True)
class Comparison:
    """One declared agent or pipeline, beside what the server has of it."""

    declared: Declaration
    live: LiveAgent
    fleet: str
    wanted: Fields | None
    """The schedule wanted, as fields; None if there is to be none."""
    earlier: AgentSpec | PipelineSpec | None
    """The declaration in force, if it could be read."""
    now: datetime

    def plan(self) -> AgentPlan:
        """Return what is to happen."""
        fields, steps = self._fields(), self._steps()
        next_after = self._next_after()
        subscriptions = self.subscriptions
        return AgentPlan(
            agent=self.declared.spec.name,
            kind=self.declared.spec.kind,
            action=self._action(fields, steps),
            source=f"{self.declared.source}:{self.declared.line}",
            digest=self.declared.spec.digest,
            fields=fields,
            steps=steps,
            subscribe=subscriptions.to_subscribe,
            unsubscribe=subscriptions.to_unsubscribe,
            next_before=self._next_before(next_after),
            next_after=next_after,
            clock_changes=self._clock_changes(),
            notes=self._notes(),
        )

    @property
    def subscriptions(self) -> Subscriptions:
        """What it subscribes to, wanted and live."""
        earlier = self.earlier if self._in_force else None
        if self._in_force == self.declared.spec.digest:
            earlier = self.declared.spec  # also where the store does not have it
        return Subscriptions(self.fleet, self.declared.spec, earlier, self.live.subscriptions)

    @property
    def _in_force(self) -> str:
        """Digest of the declaration that this fleet has in force; empty if none."""
        keeper = self.live.keeper
        return keeper.in_force(self.fleet) if keeper else ""

    @property
    def _is_new(self) -> bool:
        return not self._in_force and self.live.schedule is None

    def _fields(self) -> tuple[FieldChange, ...]:
        fields = self._declaration_fields()
        named = {change.field for change in fields}
        drifted = self.subscriptions.drifted()
        return (*fields, *(change for change in drifted if change.field not in named))

    def _declaration_fields(self) -> tuple[FieldChange, ...]:
        if self._is_new:
            return tuple(declared_fields(self.declared.spec))
        spec = spec_changes(self.earlier, self.declared.spec, self._in_force)
        schedule = self.live.schedule
        if schedule is None and self.wanted is None:
            return tuple(spec)
        if schedule is None:
            return (*spec, FieldChange(field="schedule", after="present"))
        if self.wanted is None:
            return (*spec, FieldChange(field="schedule", before="present"))
        return merged(spec, field_changes(schedule.fields, self.wanted))

    def _steps(self) -> tuple[Step, ...]:
        subscribe = (Step.SUBSCRIBE,) if self.subscriptions.to_subscribe else ()
        steps: list[Step] = [Step.UNSUBSCRIBE] if self.subscriptions.to_unsubscribe else []
        if self._in_force == self.declared.spec.digest:
            steps += subscribe
        elif self._in_force:
            steps += (*subscribe, Step.DECLARE)  # see schedules.subscribing
        else:
            steps += (Step.DECLARE, *subscribe)  # an event must find a declaration
        return (*steps, *self._schedule_steps())

    def _schedule_steps(self) -> tuple[Step, ...]:
        schedule = self.live.schedule
        if schedule is None and self.wanted is not None:
            return (Step.CREATE_SCHEDULE,)
        if schedule is not None and self.wanted is None:
            return (Step.DELETE_SCHEDULE,)
        if schedule is not None and schedule.fields != self.wanted:
            return (Step.UPDATE_SCHEDULE,)
        return ()

    def _action(self, fields: tuple[FieldChange, ...], steps: tuple[Step, ...]) -> Action:
        if not steps:
            return Action.UNCHANGED
        if self._is_new:
            return Action.CREATE
        names = {change.field for change in fields}
        if PAUSED in names and names <= _PAUSING:
            return Action.PAUSE if self.wanted and self.wanted[PAUSED] else Action.RESUME
        return Action.CHANGE

    def _next_after(self) -> tuple[datetime, ...]:
        declared = self.declared.spec.schedule
        if declared is None or declared.paused:
            return ()
        return tuple(next_times(declared, self.now, SLOTS_SHOWN))

    def _next_before(self, after: tuple[datetime, ...]) -> tuple[datetime, ...]:
        schedule, wanted = self.live.schedule, self.wanted
        if schedule is None or schedule.paused:
            return ()
        if after and wanted and all(schedule.fields[name] == wanted[name] for name in TIMING):
            # The same slots: the server's own list would differ by its jitter alone.
            return after
        return _starts(schedule)

    def _clock_changes(self) -> tuple[ClockEffect, ...]:
        declared = self.declared.spec.schedule
        if declared is None:
            return ()
        horizon = (self.now + CLOCK_HORIZON).date()
        return tuple(e for e in clock_effects(declared, self.now) if e.day <= horizon)

    def _notes(self) -> tuple[str, ...]:
        notes: list[str] = []
        keeper, schedule = self.live.keeper, self.live.schedule
        if keeper is not None and keeper.ended:
            notes.append(f"its keeper was {keeper.ended}: memory and ledger begin anew")
        elif keeper is not None and self._is_new:
            notes.append("its keeper still has the memory and the ledger of before")
        if self._in_force not in ("", self.declared.spec.digest) and self.earlier is None:
            notes.append("the declaration in force is not in this store: fields unknown")
        if schedule is not None and schedule.paused and schedule.note not in ("", PAUSED_NOTE):
            notes.append(f"paused by hand: {schedule.note}")
        return tuple(notes)


def removal(live: LiveAgent, fleet: str, earlier: AgentSpec | PipelineSpec | None) -> AgentPlan:
    """Return what takes a name away that `fleet` owns and no longer declares.

    Args:
        live: what the server has of it.
        fleet: the fleet.
        earlier: the declaration in force, if it could be read.
    """
    schedule, keeper = live.schedule, live.keeper
    steps: list[Step] = []
    if schedule is not None and schedule.fleet == fleet:
        steps.append(Step.DELETE_SCHEDULE)
    unsubscribe = Subscriptions(fleet, None, earlier, live.subscriptions).to_unsubscribe
    if unsubscribe:
        steps.append(Step.UNSUBSCRIBE)
    if keeper is not None and not keeper.ended and keeper.fleet == fleet:
        steps.append(Step.RETIRE)
    kind = earlier.kind if earlier else "Agent"
    return AgentPlan(
        agent=live.name,
        kind=kind,
        action=Action.REMOVE,
        fields=(FieldChange(field=kind.lower(), before="present"),),
        steps=tuple(steps),
        unsubscribe=unsubscribe,
        next_before=_starts(schedule) if schedule and not schedule.paused else (),
        notes=("its memory and ledger stay with its keeper",) if Step.RETIRE in steps else (),
    )


def _starts(schedule: LiveSchedule) -> tuple[datetime, ...]:
    return tuple(at.replace(microsecond=0) for at in schedule.next_times[:SLOTS_SHOWN])
