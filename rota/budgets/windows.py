"""The days and months of a time zone, in which budgets count: which one it is, when it ends.

Pure, apart from the system's time zone files. A day lasts from local midnight to the next,
so it has 23 or 25 hours where the clocks change, and begins with the change where that leaves
midnight out.
"""

from datetime import UTC, date, datetime, timedelta

from rota.budgets.reservations import WindowKind
from rota.model import Record
from rota.schedule.calendars import zone_of


class Window(Record):
    """One day or month."""

    key: str
    """Sorts as time goes: `2026-11-23`, `2026-11`."""
    end: datetime
    """The first instant (UTC) that is not in it."""


def window_of(kind: WindowKind, timezone: str, at: datetime) -> Window:
    """Return the window that `at` (aware) lies in.

    Raises:
        ValueError: no such time zone.
    """
    zone = zone_of(timezone)
    today = at.astimezone(zone).date()
    key, after = _key(kind, today), _first_after(kind, today)
    midnight = datetime(after.year, after.month, after.day, tzinfo=zone)
    end = midnight.astimezone(UTC)
    if end <= at:
        # The clock was put back over midnight: this is the day's last hour once more.
        end = midnight.replace(fold=1).astimezone(UTC)
    return Window(key=key, end=end)


def _key(kind: WindowKind, day: date) -> str:
    return day.isoformat() if kind is WindowKind.DAY else day.isoformat()[:7]


def _first_after(kind: WindowKind, day: date) -> date:
    if kind is WindowKind.DAY:
        return day + timedelta(days=1)
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
