"""A declared schedule as the server is told it, and in what a live one differs from it.

Both ways go by the same fields, named as in the YAML where possible: `rota plan` and `rota drift`
compare by them, and so does whoever must know whether the server still fires what is declared.
"""

from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, cast

from temporalio.client import (
    Schedule,
    ScheduleCalendarSpec,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleRange,
    ScheduleSpec,
    ScheduleState,
)

from activities.calendar_text import calendar_text, excluded_text
from rota.ids import format_slot
from rota.language.durations import format_duration
from rota.schedule.calendars import aware, excluded_calendars, structured_calendars
from rota.schedule.cron import Range, StructuredCalendar
from rota.schedule.spec import Catchup, CatchupPolicy, Overlap
from rota.schedule.spec import ScheduleSpec as DeclaredSchedule

SHORTEST_WINDOW = timedelta(seconds=10)
"""The server raises a shorter catch-up window to this without a word."""

OVERLAPS = {
    Overlap.SKIP: ScheduleOverlapPolicy.SKIP,
    Overlap.QUEUE_ONE: ScheduleOverlapPolicy.BUFFER_ONE,
    Overlap.QUEUE_ALL: ScheduleOverlapPolicy.BUFFER_ALL,
    Overlap.CANCEL_OTHER: ScheduleOverlapPolicy.CANCEL_OTHER,
    Overlap.TERMINATE_OTHER: ScheduleOverlapPolicy.TERMINATE_OTHER,
    Overlap.ALLOW: ScheduleOverlapPolicy.ALLOW_ALL,
}

PAUSED = "schedule.paused"
_DECLARED = 2000
"""Declared schedules whose fields are remembered: a fleet is compared every minute."""

Fields = dict[str, Any]
"""Field name to plain JSON value."""


def server_spec(declared: DeclaredSchedule) -> ScheduleSpec:
    """Return when it fires.

    Raises:
        ValueError: a calendar cannot be read or the zone is unknown.
    """
    return ScheduleSpec(
        calendars=[_calendar(calendar) for calendar in structured_calendars(declared)],
        intervals=[ScheduleIntervalSpec(every=every) for every in declared.every],
        skip=[_calendar(calendar) for calendar in excluded_calendars(declared)],
        start_at=aware(declared.start) if declared.start else None,
        end_at=aware(declared.end) if declared.end else None,
        jitter=declared.jitter or None,
        time_zone_name=declared.timezone,
    )


def server_policy(declared: DeclaredSchedule) -> SchedulePolicy:
    """Return what becomes of slots that cannot start at their time."""
    return SchedulePolicy(
        overlap=OVERLAPS[declared.overlap],
        catchup_window=_catchup_window(declared.catchup),
        # A failed run says so itself; stopping all later ones is a person's decision.
        pause_on_failure=False,
    )


def timing_fields(spec: ScheduleSpec, policy: SchedulePolicy, state: ScheduleState) -> Fields:
    """Return every field of when and how a schedule fires."""
    overlaps = {number: overlap.value for overlap, number in OVERLAPS.items()}
    window = policy.catchup_window
    return {
        "schedule.calendars": sorted(calendar_text(c) for c in spec.calendars),
        "schedule.every": sorted(_interval_text(i) for i in spec.intervals),
        "schedule.exclude": sorted(excluded_text(c) for c in spec.skip),
        "schedule.timezone": spec.time_zone_name or "UTC",
        "schedule.jitter": format_duration(spec.jitter or timedelta(0)),
        "schedule.start": _moment(spec.start_at),
        "schedule.end": _moment(spec.end_at),
        "schedule.overlap": overlaps.get(policy.overlap, policy.overlap.name.lower()),
        "schedule.catchup.window": format_duration(window) if window else None,
        "schedule.pause_on_failure": policy.pause_on_failure,
        PAUSED: state.paused,
        "schedule.remaining_actions": state.remaining_actions if state.limited_actions else None,
    }


def differences(live: Schedule, declared: DeclaredSchedule) -> tuple[str, ...]:
    """Say in what a live schedule is not the declared one: `schedule.every is 1h, not 5m`.

    Whether it is paused is not among it: that is a state, and has its own words.

    Raises:
        ValueError: a calendar cannot be read or the zone is unknown.
    """
    # Frozen, so it can be hashed; pydantic does not tell the type checker.
    wanted = _declared_fields(cast("Any", declared))
    shown = timing_fields(live.spec, live.policy, live.state)
    return tuple(
        f"{field} is {_text(shown[field])}, not {_text(wanted[field])}"
        for field in wanted
        if field != PAUSED and shown[field] != wanted[field]
    )


@lru_cache(maxsize=_DECLARED)
def _declared_fields(declared: DeclaredSchedule) -> Fields:
    return timing_fields(server_spec(declared), server_policy(declared), ScheduleState())


def _catchup_window(catchup: Catchup) -> timedelta:
    """How old a missed slot may be when the server comes back."""
    if catchup.policy is CatchupPolicy.SKIP:
        return SHORTEST_WINDOW
    return max(SHORTEST_WINDOW, catchup.window)


def _calendar(calendar: StructuredCalendar) -> ScheduleCalendarSpec:
    return ScheduleCalendarSpec(
        second=_ranges(calendar.second),
        minute=_ranges(calendar.minute),
        hour=_ranges(calendar.hour),
        day_of_month=_ranges(calendar.day_of_month),
        month=_ranges(calendar.month),
        year=_ranges(calendar.year),
        day_of_week=_ranges(calendar.day_of_week),
        comment=calendar.comment or None,
    )


def _ranges(ranges: tuple[Range, ...]) -> list[ScheduleRange]:
    return [ScheduleRange(start=r.start, end=r.end, step=r.step) for r in ranges]


def _interval_text(interval: ScheduleIntervalSpec) -> str:
    text = format_duration(interval.every)
    return f"{text} offset {format_duration(interval.offset)}" if interval.offset else text


def _moment(at: datetime | None) -> str | None:
    return format_slot(at) if at else None


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, cast("list[Any]", value))) or "none"
    return "none" if value is None else str(value)
