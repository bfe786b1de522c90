"""Business hours: when people are there, and when a time that counts only then is over.

Pure, apart from the system's time zone files. What is counted is time that passes while the
office is open: on the day of a clock change an office that opens at 01:00 and closes at 05:00 is
open for three hours, or for five.
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Annotated, Any, cast

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)

from rota.model import Declared
from rota.pipelines.gates import CLOCK_PATTERN, gate_time
from rota.schedule.calendars import zone_of

_DAY = timedelta(days=1)


class Weekday(StrEnum):
    """A day of the week, Monday first."""

    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"


_WEEK = tuple(Weekday)
_RANGE = re.compile(r"([a-z]{3})-([a-z]{3})")
_NAMES = "|".join(_WEEK)
_DAY_SCHEMA = {"type": "string", "pattern": rf"^({_NAMES})(-({_NAMES}))?$"}


def _days(value: Any) -> Any:
    """Read `mon-fri`, `sat`, or a list of both."""
    if not isinstance(value, str | list | tuple):
        return value
    named = [value] if isinstance(value, str) else cast("list[Any]", value)
    found: list[Any] = []
    for each in named:
        match = _RANGE.fullmatch(each) if isinstance(each, str) else None
        if match is None or not {match[1], match[2]} <= set(_WEEK):
            found.append(each)
            continue
        first, last = _WEEK.index(Weekday(match[1])), _WEEK.index(Weekday(match[2]))
        found += [_WEEK[day % 7] for day in range(first, last + (7 if last < first else 0) + 1)]
    return list(dict.fromkeys(found))


def _clock(value: Any) -> Any:
    if isinstance(value, str) and (value == "24:00" or re.fullmatch(CLOCK_PATTERN, value)):
        return value
    # YAML 1.1 reads an unquoted 17:30 as a number of minutes.
    raise ValueError(f'{value!r} is not a local clock time: write for example "09:00", quoted')


def _zone(value: str | None) -> str | None:
    if value is not None:
        zone_of(value)
    return value


Days = Annotated[
    tuple[Weekday, ...],
    BeforeValidator(_days),
    WithJsonSchema(
        {"anyOf": [_DAY_SCHEMA, {"type": "array", "items": _DAY_SCHEMA, "minItems": 1}]}
    ),
]
Clock = Annotated[
    str,
    BeforeValidator(_clock),
    WithJsonSchema({"type": "string", "pattern": rf"{CLOCK_PATTERN}|^24:00$"}),
]


class BusinessHours(Declared):
    """When people are there. Holidays are not known: they count as any other day."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    days: Days = Field(default=_WEEK[:5], min_length=1)
    """Days on which they come: `[mon, wed]` or `mon-fri`."""
    opens: Clock = Field(default="09:00", alias="from")
    closes: Clock = Field(default="17:00", alias="to")
    """`24:00` is the end of the day; a time before `from` is one of the next day."""
    timezone: Annotated[str | None, AfterValidator(_zone)] = None
    """None: that of the agent's schedule, else UTC."""

    @model_validator(mode="after")
    def _is_open(self) -> "BusinessHours":
        if self.opens == self.closes:
            raise ValueError(f"from and to are both {self.opens}: nobody would ever be there")
        if self.opens == "24:00":
            raise ValueError('from cannot be "24:00"; write "00:00", which is the next day\'s')
        return self

    @property
    def weekly(self) -> timedelta:
        """How long it is open in an ordinary week."""
        length = _of_day(self.closes) - _of_day(self.opens)
        return len(self.days) * (length if length > timedelta(0) else length + _DAY)


def open_times(hours: BusinessHours, start: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield when it is open, from `start` on, as instants (aware UTC), without end.

    A clock time that a clock change leaves out means the moment of the change; one that comes
    twice means its first occurrence.
    """
    zone = hours.timezone or "UTC"
    # A night before may reach into the day of `start`.
    day = start.astimezone(zone_of(zone)).date() - _DAY
    while True:
        if _WEEK[day.weekday()] in hours.days:
            opens, closes = _bounds(hours, day, zone)
            if max(opens, start) < closes:
                yield max(opens, start), closes
        day += _DAY


def due(start: datetime, patience: timedelta, hours: BusinessHours | None) -> datetime:
    """Return when `patience` is over that began at `start`: at once where nobody is asked.

    Args:
        start: Aware.
        patience: Counted while it is open alone, if there are `hours`; at most a year's worth.
        hours: None counts all time.
    """
    start = start.astimezone(UTC)
    if hours is None or patience <= timedelta(0):
        return start + patience
    left = patience
    for opens, closes in open_times(hours, start):
        if left <= closes - opens:
            return opens + left
        left -= closes - opens
    raise AssertionError("it opens at least once a week")


def _of_day(clock: str) -> timedelta:
    hours, minutes = clock.split(":")
    return timedelta(hours=int(hours), minutes=int(minutes))


def _bounds(hours: BusinessHours, day: date, zone: str) -> tuple[datetime, datetime]:
    opens = _instant(hours.opens, day, zone)
    if hours.closes == "24:00":
        return opens, _instant("00:00", day + _DAY, zone)
    last = day if hours.closes > hours.opens else day + _DAY
    return opens, _instant(hours.closes, last, zone)


def _instant(clock: str, day: date, zone: str) -> datetime:
    midnight = datetime.combine(day, time(), zone_of(zone))
    return gate_time(clock, midnight.astimezone(UTC), zone)
