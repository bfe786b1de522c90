"""Gates that nothing can pass: a `not_before` behind its `deadline`, a deadline in the past.

Pure: the time is an argument. Clock times follow one another only for a given slot (23:00
to 01:00 is a good night's work), so they are compared for the next slots of the schedule.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from rota.agent_spec import AgentSpec
from rota.language.durations import format_duration
from rota.pipelines.gates import gate_time
from rota.pipelines.spec import PipelineSpec
from rota.schedule.calendars import next_times, zone_of
from rota.schedule.spec import ScheduleSpec
from schedules.declaration_errors import KeyPath
from schedules.remarks import Level, Remark

SLOTS_LOOKED_AT = 50
PROBABLY_MEANT = timedelta(hours=12)
"""A clock time that comes later than this after the slot was more likely meant before it."""

Gate = str | timedelta


@dataclass(frozen=True)
class _Gates:
    path: KeyPath
    """Of the mapping that holds both keys."""
    not_before: Gate | None
    deadline: Gate | None
    level: Level = "error"
    may_touch: bool = False
    """The deadline bounds a wait, not the work: both gates may be the same moment."""


def gate_remarks(spec: AgentSpec | PipelineSpec, now: datetime) -> Iterator[Remark]:
    """Yield what is wrong with the gates of an agent's needs, or of a pipeline's nodes."""
    slots = _slots(spec.schedule, now)
    for gates in _gates_of(spec):
        yield from _impossible(gates, slots)


def _gates_of(spec: AgentSpec | PipelineSpec) -> Iterator[_Gates]:
    if isinstance(spec, PipelineSpec):
        for name, node in spec.nodes.items():
            yield _Gates(("nodes", name), node.not_before, node.deadline)
        return
    for index, need in enumerate(spec.needs):
        # A deadline nobody wrote is a default to be told of, not an error of theirs.
        level: Level = "error" if "deadline" in need.model_fields_set else "warning"
        yield _Gates(("needs", index), need.not_before, need.deadline, level, may_touch=True)


def _slots(schedule: ScheduleSpec | None, now: datetime) -> list[datetime]:
    """Return the next slots in the schedule's zone; none without a schedule."""
    if schedule is None:
        return []
    try:
        zone = zone_of(schedule.timezone)
    except ValueError:
        return []  # an error of its own
    return [slot.astimezone(zone) for slot in next_times(schedule, now, SLOTS_LOOKED_AT)]


def _time(gate: Gate, slot: datetime) -> datetime:
    return gate_time(gate, slot, str(slot.tzinfo))


def _impossible(gates: _Gates, slots: list[datetime]) -> Iterator[Remark]:
    deadline, not_before = gates.deadline, gates.not_before
    if deadline is None:
        return
    path = (*gates.path, "deadline")
    if deadline == timedelta(0):
        yield Remark("error", path, "0s after the slot leaves no time; write for example 1h")
    elif not_before is not None and (clash := _clash(gates, not_before, deadline, slots)):
        yield Remark(gates.level, path, clash)
    elif isinstance(deadline, str):
        yield from _next_day(path, deadline, slots)


def _clash(gates: _Gates, not_before: Gate, deadline: Gate, slots: list[datetime]) -> str | None:
    cure = "; set a later deadline, or an earlier not_before"
    equal = not_before == deadline
    texts = (
        f"{_shown(deadline)} leaves no time after not_before"
        if equal
        else f"{_shown(deadline)} comes before not_before ({_shown(not_before)})"
    )
    if isinstance(not_before, timedelta) and isinstance(deadline, timedelta):
        late = not_before > deadline or (equal and not gates.may_touch)
        return f"{texts}{cure}" if late else None
    for slot in slots:
        opens, closes = _time(not_before, slot), _time(deadline, slot)
        if opens > closes or (opens == closes and not gates.may_touch):
            return f"{texts} for the slot {slot:%Y-%m-%d %H:%M}{cure}"
    return None


def _next_day(path: KeyPath, deadline: str, slots: list[datetime]) -> Iterator[Remark]:
    for slot in slots:
        if f"{slot:%H:%M}" > deadline and _time(deadline, slot) - slot > PROBABLY_MEANT:
            yield Remark(
                "warning",
                path,
                f"{deadline} is before the slot at {slot:%H:%M} and so means the next day; "
                "set a later time, or a duration such as 2h",
            )
            return


def _shown(gate: Gate) -> str:
    return gate if isinstance(gate, str) else format_duration(gate)
