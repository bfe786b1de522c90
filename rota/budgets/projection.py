"""What a schedule is going to cost a month, from how often it fires and what its runs cost.

Pure. A guess from the past and no limit: a run may cost more, and a slot may be skipped. What
is not known is said and not taken for nothing.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from math import ceil

from rota.kinds import Kind
from rota.model import Record
from rota.schedule.slot_times import times_between
from rota.schedule.spec import ScheduleSpec
from rota.usage import Usage

MONTH = timedelta(days=365) / 12
HISTORY = 50
"""The newest runs that count."""
_YEAR, _WEEKS = timedelta(days=365), timedelta(days=28)
_MANY = 100
"""Slots in four weeks from which on those stand for the whole year."""


class Projection(Record):
    """One schedule's cost in a month of average length."""

    name: str
    kind: Kind = "Agent"
    fires: float
    """In a month."""
    runs: int = 0
    """Runs of the past that are known, with all they handed work to; at most `HISTORY`."""
    p50_micros: int | None = None
    """If each run costs what half of those stayed within; None if nothing is known."""
    p95_micros: int | None = None
    """If each costs what nineteen of twenty of those stayed within."""
    unpriced_runs: int = 0
    """Of `runs`, those of which some answers have no price: they are in neither figure."""
    unknown_micros: int = 0
    """What lost attempts of `runs` may have cost, all together: in neither figure."""

    @property
    def missing(self) -> str:
        """Why there is no figure: `no history`, `unpriced`; empty if there is one."""
        if self.p50_micros is not None:
            return ""
        return "unpriced" if self.runs else "no history"


class FleetProjection(Record):
    """A fleet's cost in a month: the sum of what can be said, and of what nothing can."""

    schedules: tuple[Projection, ...] = ()
    p50_micros: int = 0
    p95_micros: int = 0
    without: tuple[str, ...] = ()
    """Names that are in neither sum: `missing` of each says why."""


def fires_a_month(spec: ScheduleSpec, now: datetime) -> float:
    """Return how often a schedule fires in a month of average length; paused, never.

    Of the coming year; of one that fires often, of the coming four weeks.

    Raises:
        ValueError: the zone is unknown or a cron expression cannot be read.
    """
    if spec.paused:
        return 0.0
    after = now + timedelta(seconds=1)
    soon = sum(1 for _ in times_between(spec, after, now + _WEEKS))
    if soon >= _MANY:
        return soon * (MONTH / _WEEKS)
    return sum(1 for _ in times_between(spec, after, now + _YEAR)) / 12


def project(name: str, kind: Kind, fires: float, usages: Sequence[Usage]) -> Projection:
    """Return what `fires` runs cost that cost what earlier ones did."""
    priced = sorted(u.cost_micros for u in usages if u.cost_micros is not None)
    idle = fires == 0
    return Projection(
        name=name,
        kind=kind,
        fires=fires,
        runs=len(usages),
        p50_micros=0 if idle else _times(fires, priced, 50),
        p95_micros=0 if idle else _times(fires, priced, 95),
        unpriced_runs=len(usages) - len(priced),
        unknown_micros=sum(u.unknown_micros for u in usages),
    )


def together(schedules: Iterable[Projection]) -> FleetProjection:
    """Return the sum over a fleet."""
    all_of_them = tuple(schedules)
    return FleetProjection(
        schedules=all_of_them,
        p50_micros=sum(each.p50_micros or 0 for each in all_of_them),
        p95_micros=sum(each.p95_micros or 0 for each in all_of_them),
        without=tuple(each.name for each in all_of_them if each.missing),
    )


def _times(fires: float, costs: Sequence[int], percent: int) -> int | None:
    """`fires` times the smallest cost within which that share of the runs stayed."""
    if not costs:
        return None
    return round(fires * costs[ceil(len(costs) * percent / 100) - 1])
