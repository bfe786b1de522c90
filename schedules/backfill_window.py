"""What `--from` and `--to` of a backfill mean: dates in the schedule's zone, or times. Pure."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from rota.runs import EARLIEST, LATEST
from rota.schedule.calendars import zone_of

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_SECOND = timedelta(seconds=1)
EXAMPLES = "write a date such as 2026-11-01, or a time such as 2026-11-01T06:00:00+01:00"


class WindowError(ValueError):
    """No window of time; the message says what to write."""


@dataclass(frozen=True)
class Window:
    """From `start` to `end`, both included, aware UTC."""

    start: datetime
    end: datetime


def window_of(start: str, end: str, timezone: str) -> Window:
    """Read both ends. A date is a whole local day: from its midnight, to its last second.

    Raises:
        WindowError: one of them is neither date nor time, or they are the wrong way round.
        ValueError: there is no such time zone.
    """
    zone = zone_of(timezone)
    window = Window(_moment(start, zone, last=False), _moment(end, zone, last=True))
    if window.end < window.start:
        raise WindowError(f"--to {end} lies before --from {start}: exchange them")
    return window


def _moment(text: str, zone: ZoneInfo, *, last: bool) -> datetime:
    try:
        if _DATE.fullmatch(text):
            day = date.fromisoformat(text)
            if last:
                at = _midnight(day + timedelta(days=1), zone) - _SECOND
            else:
                at = _midnight(day, zone)
        else:
            at = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise WindowError(f"'{text}' is no date or time; {EXAMPLES}") from None
    if at.tzinfo is None:
        raise WindowError(f"'{text}' has no offset, so it could mean any zone's; {EXAMPLES}")
    if not EARLIEST <= at <= LATEST:
        raise WindowError(f"'{text}' is not between {EARLIEST.year} and {LATEST.year}")
    return at.astimezone(UTC)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """When the day begins there; where a clock change leaves midnight out, at the change."""
    return datetime.combine(day, time(), zone).astimezone(UTC)
