"""The `schedule:` block of an agent: when it is meant to run, as declared."""

from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, cast

from pydantic import BeforeValidator, Field, model_validator

from rota.durations import Duration
from rota.model import Declared


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


class Calendar(Declared):
    """Wall-clock fields as ranges, in the words of cron: `"1-5"`, `"*/15"`, `"6,18"`."""

    second: str = "0"
    minute: str = "0"
    hour: str = "0"
    day_of_month: str = "*"
    month: str = "*"
    day_of_week: str = "*"
    year: str = "*"


def _as_tuple(value: Any) -> Any:
    if value is None or isinstance(value, list | tuple):
        return cast("Any", value)
    return (value,)


OneOrMany = BeforeValidator(_as_tuple)


class ScheduleSpec(Declared):
    """When an agent runs. At least one of `cron`, `every`, `calendar`."""

    cron: Annotated[tuple[str, ...], OneOrMany] = ()
    """Five-field cron expressions; the union of all of them fires."""
    every: Annotated[tuple[Duration, ...], OneOrMany] = ()
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
