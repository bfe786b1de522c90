"""Which slots a schedule has had: the newest before a moment, or all between two.

Pure. `rota.schedule.calendars` walks forward only, as the server does; a schedule may be sparse, so
looking back goes by halves and not slot by slot.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import dropwhile, takewhile
from typing import Any, cast

from rota.schedule.calendars import iter_times, next_times, zone_of
from rota.schedule.spec import ScheduleSpec

_SECOND = timedelta(seconds=1)
_NEAR = timedelta(hours=3)
"""A clock change this close to a slot may have moved it."""


def times_between(spec: ScheduleSpec, start: datetime, end: datetime) -> Iterator[datetime]:
    """Yield the slots from `start` to `end`, both included, oldest first, aware UTC.

    Raises:
        ValueError: the zone is unknown or a cron expression cannot be read.
    """
    # A walk that begins near a clock change may miss slots, or find what is none.
    begin = start if _is_steady(spec, start) else start - 2 * _NEAR
    walk = dropwhile(lambda slot: slot < start, iter_times(spec, begin - _SECOND))
    return takewhile(lambda slot: slot <= end, walk)


def previous_time(spec: ScheduleSpec, at: datetime, since: datetime) -> datetime | None:
    """Return the newest slot from `since` to `at`, both included; None if there is none.

    Some thirty looks ahead for a window of years, whatever the schedule: milliseconds, so
    what is asked for again and again is remembered. A keeper with hundreds of waiters asks
    for all of them whenever it moves.

    Raises:
        ValueError: as `times_between`.
    """
    # Frozen, so it can be hashed; pydantic does not tell the type checker.
    return _remembered(cast("Any", spec), at, since)


@lru_cache(maxsize=4096)
def _remembered(spec: ScheduleSpec, at: datetime, since: datetime) -> datetime | None:
    # Slots are whole seconds.
    at, since = _floor(at), _floor(since + _SECOND - timedelta.resolution)
    # A walk that begins near a clock change may miss slots, or find what is none.
    begin = since if _is_steady(spec, since) else since - 2 * _NEAR
    found = _newest(spec, begin, at)
    if found is not None and not _is_steady(spec, found):
        end = min(at, found + 2 * _NEAR)
        found = max(times_between(spec, found - 2 * _NEAR, end), default=None)
    return found if found is not None and found >= since else None


def _newest(spec: ScheduleSpec, since: datetime, at: datetime) -> datetime | None:
    """The newest slot of the window, as walks that may begin anywhere in it find it."""
    found = _slot_after(spec, since, at)
    if found is None:
        return None
    # The first slot after any moment before the newest one lies in the window; after any
    # later moment none does. Halve until the two moments are neighbours.
    low, high = found, at + _SECOND
    while high - low > _SECOND:
        middle = _floor(low + (high - low) / 2)
        later = _slot_after(spec, middle, at)
        if later is None:
            high = middle
        else:
            low = found = later
    return found


def _floor(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)


def _slot_after(spec: ScheduleSpec, moment: datetime, at: datetime) -> datetime | None:
    """The first slot from `moment` on, unless it comes after `at`."""
    slot = next(iter(next_times(spec, moment - _SECOND, 1)), None)
    return slot if slot is not None and slot <= at else None


def _is_steady(spec: ScheduleSpec, moment: datetime) -> bool:
    """True if no clock change is so close that it matters where a walk begins."""
    zone = zone_of(spec.timezone)
    around = (moment - _NEAR, moment, moment + _NEAR)
    return len({each.astimezone(zone).utcoffset() for each in around}) == 1
