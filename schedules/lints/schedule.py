"""What is doubtful in a schedule: it never fires, or not when somebody thinks it does.

Pure: the time is an argument.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from rota.language.durations import format_duration
from rota.schedule.calendars import aware, never_fires, next_times, structured_calendars, zone_of
from rota.schedule.clock_changes import clock_effects
from rota.schedule.cron import Range
from rota.schedule.spec import CatchupPolicy, Overlap, ScheduleSpec
from schedules.declaration_errors import KeyPath
from schedules.remarks import Remark

SLOTS_LOOKED_AT = 50
"""Slots compared for the shortest distance: a week of hourly ones, or two of four-hourly."""
SHORTEST_CATCHUP = timedelta(seconds=10)
"""The server raises anything shorter to this, and does not say so."""


class RunLimit(NamedTuple):
    """How long a run may take, and the key that says so."""

    time: timedelta
    key: str


def schedule_remarks(
    schedule: ScheduleSpec, now: datetime, limit: RunLimit | None
) -> Iterator[Remark]:
    """Yield what is doubtful in a schedule; `limit` is how long a run may take, if it is said."""
    yield from _bounds(schedule)
    yield from _both_days(schedule)
    yield from _catchup(schedule)
    try:
        zone_of(schedule.timezone)
    except ValueError as error:
        yield Remark("error", ("schedule", "timezone"), str(error))
        return
    silent = list(_silence(schedule, now))
    yield from silent
    if not silent:
        yield from _clock(schedule, now)
        yield from _distance(schedule, now, limit)


def _bounds(schedule: ScheduleSpec) -> Iterator[Remark]:
    for key in ("start", "end"):
        moment: datetime | None = getattr(schedule, key)
        if moment is not None and moment.tzinfo is None:
            example = moment.isoformat(timespec="seconds")
            yield Remark(
                "error",
                ("schedule", key),
                f"{example} has no offset and would mean UTC, whatever 'timezone' says; "
                f"write {example}Z or for example {example}+01:00",
            )
    if schedule.start and schedule.end and aware(schedule.end) < aware(schedule.start):
        yield Remark("error", ("schedule", "end"), "lies before start; swap or mend them")


def _both_days(schedule: ScheduleSpec) -> Iterator[Remark]:
    keys = [*_keys("cron", len(schedule.cron)), *_keys("calendar", len(schedule.calendar))]
    for path, calendar in zip(keys, structured_calendars(schedule), strict=True):
        if _restricts(calendar.day_of_month, 31) and _restricts(calendar.day_of_week, 7):
            yield Remark(
                "warning",
                path,
                "fires on days that fit day of month AND day of week; Vixie cron fires where "
                "either fits; if you mean either, write two expressions",
            )


def _restricts(ranges: tuple[Range, ...], all_values: int) -> bool:
    return len({value for item in ranges for value in item.values}) < all_values


def _keys(name: str, count: int) -> list[KeyPath]:
    if count == 1:
        return [("schedule", name)]
    return [("schedule", name, index) for index in range(count)]


def _catchup(schedule: ScheduleSpec) -> Iterator[Remark]:
    policy, window = schedule.catchup.policy, schedule.catchup.window
    if policy is CatchupPolicy.ALL and schedule.overlap is Overlap.SKIP:
        yield Remark(
            "warning",
            ("schedule", "catchup", "policy"),
            "all is not kept with overlap skip: of the missed slots the server starts the "
            "first and drops those that come while it works; add overlap: queue_all",
        )
    if window < SHORTEST_CATCHUP:
        yield Remark(
            "warning",
            ("schedule", "catchup", "window"),
            f"{format_duration(window)} is shorter than the server allows; it uses 10s",
        )


def _silence(schedule: ScheduleSpec, now: datetime) -> Iterator[Remark]:
    """Find calendars that match no date, then a schedule with no slot left."""
    only = {"cron": (), "every": (), "calendar": (), "exclude": (), "start": None, "end": None}
    for name in ("cron", "calendar"):
        parts = getattr(schedule, name)
        for path, part in zip(_keys(name, len(parts)), parts, strict=True):
            if never_fires(schedule.model_copy(update={**only, name: (part,)}), now):
                shown = f"'{part}' " if isinstance(part, str) else ""
                yield Remark("error", path, f"{shown}never fires: no date from now on fits it")
                return
    if schedule.end and aware(schedule.end) <= now:
        message = f"the schedule ended on {schedule.end.isoformat()}; move it or remove schedule"
        yield Remark("error", ("schedule", "end"), message)
    elif never_fires(schedule, now):
        message = "never fires: start, end and exclude leave no slot"
        yield Remark("error", ("schedule",), message)


def _clock(schedule: ScheduleSpec, now: datetime) -> Iterator[Remark]:
    notes: list[str] = []
    for effect in clock_effects(schedule, now):
        if effect.skipped:
            notes.append(f"{_some(effect.skipped)} is skipped on {effect.day}")
        if effect.extra:
            notes.append(f"{_some(effect.extra)} comes once more on {effect.day}")
    if notes:
        name = "cron" if schedule.cron else "calendar"
        yield Remark(
            "warning",
            ("schedule", name),
            f"the clocks of {schedule.timezone} change: {', '.join(notes)}; "
            "choose an hour outside 00:00-03:59, or timezone: UTC",
        )


def _some(times: tuple[str, ...]) -> str:
    return ", ".join(times) if len(times) <= 3 else f"{times[0]}-{times[-1]}"


def _distance(schedule: ScheduleSpec, now: datetime, limit: RunLimit | None) -> Iterator[Remark]:
    slots = next_times(schedule, now, SLOTS_LOOKED_AT)
    shortest = min((later - earlier for earlier, later in pairwise(slots)), default=None)
    if shortest is None:
        return
    names = [name for name in ("cron", "every", "calendar") if getattr(schedule, name)]
    path: KeyPath = ("schedule", *names) if len(names) == 1 else ("schedule",)
    if limit and shortest < limit.time and schedule.overlap is Overlap.SKIP:
        yield Remark(
            "warning",
            path,
            f"slots come {format_duration(shortest)} apart, and a run may take "
            f"{format_duration(limit.time)}; slots that come meanwhile are skipped; lower "
            f"{limit.key}, or choose overlap: queue_one",
        )
    if schedule.jitter > shortest:
        yield Remark(
            "warning",
            ("schedule", "jitter"),
            f"{format_duration(schedule.jitter)} is longer than the {format_duration(shortest)} "
            "between slots; the server cuts it to that",
        )
