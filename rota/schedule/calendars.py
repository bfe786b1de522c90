"""When a schedule fires: the server's own answer, computed here without a server.

Pure, apart from the system's time zone files. `rota plan` and the linter show the next
slots before anything is applied, so these times must equal the server's to the second,
clock changes included; a test compares them with the real server. What the server does
(1.32, `service/worker/scheduler`):

- It walks local wall-clock time hour by hour. An hour that a clock change leaves out is
  skipped. A local time that occurs twice means its second occurrence in zones east of
  Greenwich and its first in those west of it.
- When the step from one full hour to the next takes more than an hour, the hour before is
  played again one hour later. West of Greenwich that makes a daily 01:30 fire twice on
  that day. East of it a daily 01:30 in Berlin fires a second time at the first 02:30, and
  an hourly one leaves out the second.
- A walk that begins inside a second occurrence adds an hour to what it finds there: of
  02:00 and 02:30 in Berlin the latter fires at 03:30 on that day.
- Intervals count from the Unix epoch and know no zone.
"""

import difflib
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Self
from zoneinfo import ZoneInfo, available_timezones

from rota.schedule.cron import Range, StructuredCalendar, parse_calendar, parse_cron
from rota.schedule.spec import ScheduleSpec

LAST_YEAR = 2100
"""The server looks no further."""

_HOUR = 3600
_DAY = 86_400
_NEAR = timedelta(hours=3)
_EPOCH = datetime(1970, 1, 1)  # naive on purpose: wall-clock seconds are counted from it


def structured_calendars(spec: ScheduleSpec) -> tuple[StructuredCalendar, ...]:
    """Return the calendars of `cron` and `calendar`, in the order declared.

    Raises:
        rota.schedule.cron.CronError: one of them cannot be read.
    """
    blocks = (c.model_dump(exclude_defaults=True) for c in spec.calendar)
    return (*map(parse_cron, spec.cron), *map(parse_calendar, blocks))


def excluded_calendars(spec: ScheduleSpec) -> tuple[StructuredCalendar, ...]:
    """Return one calendar per excluded day, covering every second of it."""
    return tuple(_whole_day(day) for day in spec.exclude)


def zone_of(name: str) -> ZoneInfo:
    """Return the time zone of that IANA name.

    Raises:
        ValueError: there is none; the message offers close names.
    """
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        known = {zone.lower(): zone for zone in available_timezones()}
        close = difflib.get_close_matches(name.lower(), known, n=3, cutoff=0.6)
        hint = f"did you mean {' or '.join(known[c] for c in close)}?" if close else ""
        raise ValueError(
            f"'{name}' is not a time zone; {hint or 'write an IANA name such as Europe/Berlin'}"
        ) from None


def next_times(spec: ScheduleSpec, after: datetime, count: int) -> list[datetime]:
    """Return up to `count` slots strictly after `after`, in order, aware UTC, no jitter.

    Fewer if the schedule ends. `after` must be aware; a naive `start` or `end` is UTC,
    as the server takes it.

    Raises:
        ValueError: the zone is unknown or a cron expression cannot be read.
    """
    return list(islice(iter_times(spec, after), count))


def never_fires(spec: ScheduleSpec, now: datetime) -> bool:
    """Return True if no slot comes after `now`: 31 February, all days excluded, ended.

    Quick for any schedule: days that match nothing or are excluded cost no search.

    Raises:
        ValueError: as `next_times`.
    """
    return not next_times(spec, now, 1)


def iter_times(spec: ScheduleSpec, after: datetime) -> Iterator[datetime]:
    """Yield the slots of `next_times`, without end if the schedule has none."""
    zone = zone_of(spec.timezone)
    calendars = [_Walk.of(calendar, zone) for calendar in structured_calendars(spec)]
    intervals = [max(1, int(every.total_seconds())) for every in spec.every]
    excluded = frozenset(spec.exclude)
    at = after
    while True:
        if spec.start and at < aware(spec.start):
            at = aware(spec.start) - timedelta(seconds=1)
        seconds = _seconds(at)
        found = [t for walk in calendars if (t := walk.next(seconds)) is not None]
        found += [(seconds // every + 1) * every for every in intervals]
        if not found:
            return
        slot = datetime.fromtimestamp(min(found), UTC)
        if (spec.end and slot > aware(spec.end)) or slot.year > LAST_YEAR:
            return
        local = slot.astimezone(zone)
        if local.date() in excluded:
            at = _end_of_day(slot, zone)
            continue
        yield slot
        at = slot


def aware(moment: datetime) -> datetime:
    """Return `moment` with a zone: UTC if it has none."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _seconds(moment: datetime) -> int:
    return (moment - datetime.fromtimestamp(0, UTC)) // timedelta(seconds=1)


def _whole_day(day: date) -> StructuredCalendar:
    def one(value: int) -> tuple[Range, ...]:
        return (Range(start=value, end=value),)

    sixty = (Range(start=0, end=59),)
    return StructuredCalendar(
        second=sixty,
        minute=sixty,
        hour=(Range(start=0, end=23),),
        day_of_month=one(day.day),
        month=one(day.month),
        day_of_week=(Range(start=0, end=6),),
        year=one(day.year),
        comment=f"exclude {day}",
    )


def _end_of_day(slot: datetime, zone: ZoneInfo) -> datetime:
    """Return the last second of an excluded slot's day, or `slot` near a clock change.

    The server tries every slot of the day. The outcome is the same, except that a walk
    through a clock change depends on where it began.
    """
    local = slot.astimezone(zone)
    clock = local.hour * _HOUR + local.minute * 60 + local.second
    end = slot + timedelta(seconds=_DAY - 1 - clock)
    around = (slot - _NEAR, slot, end + _NEAR)
    steady = len({moment.astimezone(zone).utcoffset() for moment in around}) == 1
    return end if steady else slot


@dataclass(frozen=True)
class _Walk:
    """One calendar being walked through in one zone. Times are Unix seconds."""

    zone: ZoneInfo
    years: frozenset[int]
    months: frozenset[int]
    days: frozenset[int]
    weekdays: frozenset[int]
    hours: tuple[int, ...]
    minutes: tuple[int, ...]
    seconds: tuple[int, ...]

    @classmethod
    def of(cls, calendar: StructuredCalendar, zone: ZoneInfo) -> Self:
        return cls(
            zone=zone,
            years=frozenset(_values(calendar.year)),
            months=frozenset(_values(calendar.month)),
            days=frozenset(_values(calendar.day_of_month)),
            weekdays=frozenset(_values(calendar.day_of_week)),
            hours=_values(calendar.hour),
            minutes=_values(calendar.minute),
            seconds=_values(calendar.second),
        )

    def next(self, after: int) -> int | None:
        """Return the first matching time after `after`, None if there is none."""
        local = _EPOCH + timedelta(seconds=after + self._offset(after))
        day, hour = local.date(), local.hour
        minute, second = local.minute, local.second + 1
        shift = _HOUR if self._hour(after - _HOUR) == hour else 0  # a second occurrence
        while True:
            if hour > 23:
                day, hour, minute, second = day + timedelta(days=1), 0, 0, 0
            if not self._on(day, hour, minute, second):
                following = self._following(day)
                if following is None:
                    return None
                day, hour, minute, second, shift = following, 0, 0, 0, 0
            if hour not in self.hours:
                hour = next((h for h in self.hours if h > hour), 24)
                minute, second, shift = 0, 0, 0
                if hour > 23:
                    continue
            found = self._within(day, hour, minute, second)
            if found is not None and self._hour(found) == hour:
                return found + shift
            # The hour is used up, or a clock change leaves it out (then none is repeated).
            if found is None and not shift and self._repeats(day, hour):
                shift = _HOUR
            else:
                hour, shift = hour + 1, 0
            minute, second = 0, 0

    def _on(self, day: date, hour: int, minute: int, second: int) -> bool:
        if not self._dated(day):
            return False
        # The weekday of the instant, not of the date: they differ where a clock change
        # leaves out midnight, and the server asks the instant.
        instant = self._instant(day, hour, minute, second)
        local = _EPOCH + timedelta(seconds=instant + self._offset(instant))
        return local.isoweekday() % 7 in self.weekdays

    def _dated(self, day: date) -> bool:
        in_year = not self.years or day.year in self.years
        return day.day in self.days and day.month in self.months and in_year

    def _following(self, day: date) -> date | None:
        while True:
            day += timedelta(days=1)
            if day.year > LAST_YEAR:
                return None
            if self.years and day.year not in self.years:
                day = date(day.year, 12, 31)
            elif day.month not in self.months:
                day = date(day.year + day.month // 12, day.month % 12 + 1, 1) - timedelta(days=1)
            elif self._on(day, 0, 0, 0):
                return day

    def _within(self, day: date, hour: int, minute: int, second: int) -> int | None:
        for m in self.minutes[bisect_left(self.minutes, minute) :]:
            at_least = second if m == minute else 0
            for s in self.seconds[bisect_left(self.seconds, at_least) :]:
                return self._instant(day, hour, m, s)
        return None

    def _repeats(self, day: date, hour: int) -> bool:
        return self._instant(day, hour + 1, 0, 0) - self._instant(day, hour, 0, 0) > _HOUR

    def _instant(self, day: date, hour: int, minute: int, second: int) -> int:
        """Resolve wall-clock time as the server does where it is missing or ambiguous.

        The offset is the one in force at that reading *taken as UTC*, corrected once.
        """
        wall = (day - _EPOCH.date()).days * _DAY + hour * _HOUR + minute * 60 + second
        return wall - self._offset(wall - self._offset(wall))

    def _hour(self, instant: int) -> int:
        return (instant + self._offset(instant)) // _HOUR % 24

    def _offset(self, instant: int) -> int:
        offset = datetime.fromtimestamp(instant, self.zone).utcoffset()
        return 0 if offset is None else int(offset.total_seconds())


def _values(ranges: tuple[Range, ...]) -> tuple[int, ...]:
    return tuple(sorted({value for item in ranges for value in item.values}))
