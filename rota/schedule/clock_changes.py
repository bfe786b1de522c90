"""What clock changes do to a schedule: local times that are skipped, or come once more.

Pure. It compares the slots of such a day with what the clock face promises, so it reports
what will happen there and says nothing about a schedule that a change leaves alone.
"""

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from rota.model import Record
from rota.schedule.calendars import iter_times, structured_calendars, zone_of
from rota.schedule.spec import ScheduleSpec

_HORIZON = timedelta(days=400)
_DAY = timedelta(days=1)
_HOURS = 24


class ClockEffect(Record):
    """One day on which slots differ from the times declared."""

    day: date
    skipped: tuple[str, ...]
    """Local times (`02:30`) that do not come on that day."""
    extra: tuple[str, ...]
    """Local times that come once more than declared."""


def clock_effects(spec: ScheduleSpec, now: datetime) -> list[ClockEffect]:
    """Return the days of the next 13 months on which a clock change alters the slots.

    Intervals are deaf to clock changes. Calendars of all 24 hours are left out: an hour
    that does not exist needs no run, and one that comes twice may well have two.

    Raises:
        ValueError: the zone is unknown.
    """
    zone = zone_of(spec.timezone)
    timed = [
        calendar
        for calendar in (*_single_crons(spec), *_single_blocks(spec))
        if not _covers_all_hours(calendar)
    ]
    days = {
        instant.astimezone(zone).date()
        for change in _changes(zone, now)
        for instant in (change - timedelta(seconds=1), change)
    }
    effects: list[ClockEffect] = []
    for day in sorted(days):
        skipped: Counter[str] = Counter()
        extra: Counter[str] = Counter()
        for single in timed:
            declared, actual = _times_of(single, day, "UTC"), _times_of(single, day, spec.timezone)
            skipped += declared - actual
            extra += actual - declared
        if skipped or extra:
            effects.append(
                ClockEffect(day=day, skipped=tuple(sorted(skipped)), extra=tuple(sorted(extra)))
            )
    return effects


def _single_crons(spec: ScheduleSpec) -> list[ScheduleSpec]:
    return [ScheduleSpec(cron=(text,), exclude=spec.exclude) for text in spec.cron]


def _single_blocks(spec: ScheduleSpec) -> list[ScheduleSpec]:
    return [ScheduleSpec(calendar=(block,), exclude=spec.exclude) for block in spec.calendar]


def _covers_all_hours(single: ScheduleSpec) -> bool:
    (calendar,) = structured_calendars(single)
    return len({hour for item in calendar.hour for hour in item.values}) == _HOURS


def _changes(zone: ZoneInfo, now: datetime) -> list[datetime]:
    """Return the instants at which the zone's offset changes."""
    found: list[datetime] = []
    at = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    end = at + _HORIZON
    while at < end:
        if _offset(zone, at) != _offset(zone, at + _DAY):
            low, high = at, at + _DAY
            while high - low > timedelta(seconds=1):
                middle = (low + (high - low) / 2).replace(microsecond=0)
                low, high = (
                    (middle, high) if _offset(zone, middle) == _offset(zone, at) else (low, middle)
                )
            found.append(high)
        at += _DAY
    return found


def _offset(zone: ZoneInfo, instant: datetime) -> timedelta | None:
    return instant.astimezone(zone).utcoffset()


def _times_of(single: ScheduleSpec, day: date, timezone: str) -> Counter[str]:
    """Return the local times at which a calendar fires on `day` in that zone."""
    spec = single.model_copy(update={"timezone": timezone})
    zone = zone_of(timezone)
    # Half a day early: how the server walks through a change depends on where it began.
    after = datetime.combine(day, time(), UTC) - _DAY
    found: Counter[str] = Counter()
    for slot in iter_times(spec, after):
        local = slot.astimezone(zone)
        if local.date() > day:
            break
        if local.date() == day:
            found[local.strftime("%H:%M")] += 1
    return found
