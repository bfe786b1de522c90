"""The `schedule:` block of an agent: when it is meant to run, as declared."""

from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, cast

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from rota.language.durations import Duration
from rota.model import Declared
from rota.schedule.cron import parse_calendar, parse_cron


class Overlap(StrEnum):
    """What the server does when a slot comes while the last run still works."""

    SKIP = "skip"
    QUEUE_ONE = "queue_one"
    QUEUE_ALL = "queue_all"
    CANCEL_OTHER = "cancel_other"
    TERMINATE_OTHER = "terminate_other"
    ALLOW = "allow"


class CatchupPolicy(StrEnum):
    """Which missed slots run once the system is back."""

    LATEST = "latest"
    """Only the newest missed slot; the others are recorded as skipped."""
    ALL = "all"
    SKIP = "skip"
    """None: a slot that could not start on time is recorded as skipped."""


class Catchup(Declared):
    """Missed slots: which ones run, and how old they may be."""

    policy: CatchupPolicy = CatchupPolicy.LATEST
    window: Duration = timedelta(minutes=10)
    """Slots older than this when the server comes back are dropped by the server.
    Never Temporal's default of a year: an agent spends money."""


def _number_as_text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


CalendarField = Annotated[
    str, BeforeValidator(_number_as_text), WithJsonSchema({"type": ["string", "integer"]})
]
"""Text; a bare number means that number."""


class Calendar(Declared):
    """Wall-clock fields as ranges, in the words of cron: `"1-5"`, `"*/15"`, `"6,18"`."""

    second: CalendarField = "0"
    minute: CalendarField = "0"
    hour: CalendarField = "0"
    day_of_month: CalendarField = "*"
    month: CalendarField = "*"
    day_of_week: CalendarField = "*"
    year: CalendarField = "*"

    @model_validator(mode="after")
    def _readable(self) -> "Calendar":
        parse_calendar(self.model_dump(exclude_defaults=True))
        return self


def _as_tuple(value: Any) -> Any:
    if value is None or isinstance(value, list | tuple):
        return cast("Any", value)
    return (value,)


def _readable_cron(value: str) -> str:
    parse_cron(value)
    return value


def _whole_seconds(value: timedelta) -> timedelta:
    if value < timedelta(seconds=1) or value.microseconds:
        raise ValueError("an interval is a whole number of seconds, at least 1s")
    return value


OneOrMany = BeforeValidator(_as_tuple)
Cron = Annotated[str, AfterValidator(_readable_cron)]
Interval = Annotated[Duration, AfterValidator(_whole_seconds)]


class ScheduleSpec(Declared):
    """When an agent runs. At least one of `cron`, `every`, `calendar`."""

    cron: Annotated[tuple[Cron, ...], OneOrMany] = ()
    """Five-field cron expressions; the union of all of them fires."""
    every: Annotated[tuple[Interval, ...], OneOrMany] = ()
    """Intervals counted from the Unix epoch, deaf to time zones and clock changes."""
    calendar: Annotated[tuple[Calendar, ...], OneOrMany] = ()
    exclude: Annotated[tuple[date, ...], OneOrMany] = ()
    """Whole local days on which nothing fires."""
    timezone: str = "UTC"
    jitter: Duration = timedelta(0)
    """Start each run up to this much late, spread at random; the slot stays nominal."""
    start: datetime | None = None
    end: datetime | None = None
    overlap: Overlap = Overlap.SKIP
    catchup: Catchup = Field(default_factory=Catchup)
    paused: bool = False

    @model_validator(mode="after")
    def _says_when(self) -> "ScheduleSpec":
        if not (self.cron or self.every or self.calendar):
            raise ValueError("say when: give at least one of cron, every, calendar")
        return self
