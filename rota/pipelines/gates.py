"""Gates: a local clock time (`06:15`) or a time after the slot (`2h`), made into an instant.

Pure, apart from the system's time zone files.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from rota.language.durations import PATTERN, format_duration, parse_duration
from rota.schedule.calendars import zone_of

CLOCK_PATTERN = r"^([01]\d|2[0-3]):[0-5]\d$"


def parse_gate(value: Any) -> str | timedelta:
    """Read `06:15`, a local clock time, or `2h`, a time after the slot.

    Raises:
        ValueError: it is neither; the message shows both forms.
    """
    if isinstance(value, str) and re.fullmatch(CLOCK_PATTERN, value):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        # YAML 1.1 reads an unquoted 06:15 as a number of minutes.
        raise ValueError(f'{value} is not a time: quote a clock time, for example "06:15"')
    try:
        return parse_duration(value)
    except ValueError:
        raise ValueError(
            f"'{str(value)[:40]}' is not a time: write a local clock time such as \"06:15\", "
            "or a time after the slot such as 2h"
        ) from None


def format_gate(gate: str | timedelta) -> str:
    """Print a gate as people write it: `06:15`, `2h`."""
    return gate if isinstance(gate, str) else format_duration(gate)


Gate = Annotated[
    str | timedelta,
    BeforeValidator(parse_gate),
    PlainSerializer(format_gate, return_type=str),
    WithJsonSchema({"type": "string", "pattern": f"({CLOCK_PATTERN})|({PATTERN})"}),
]


def gate_time(gate: str | timedelta, slot: datetime, timezone: str) -> datetime:
    """Return the instant (aware UTC) at which the gate of `slot` lies.

    A clock time means its first occurrence at or after the slot, so `06:15` for a slot at
    23:00 is on the next day. A time that a clock change leaves out means the moment of the
    change; one that comes twice means its first occurrence not before the slot.

    Raises:
        ValueError: no such time zone.
    """
    if isinstance(gate, timedelta):
        return (slot + gate).astimezone(UTC)
    zone = zone_of(timezone)
    hour, minute = (int(part) for part in gate.split(":"))
    local = slot.astimezone(zone)
    for days in range(3):
        day = local.date() + timedelta(days=days)
        for fold in (0, 1):
            reading = datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone, fold=fold)
            instant = reading.astimezone(UTC)
            if instant.astimezone(zone).replace(tzinfo=None) != reading.replace(tzinfo=None):
                instant = _change(reading)
            if instant >= slot:
                return instant
    raise AssertionError("a clock time comes at least every second day")


def _change(missing: datetime) -> datetime:
    """Return the moment of the clock change that leaves out the reading `missing`."""
    before = missing.replace(fold=0).utcoffset() or timedelta(0)
    after = missing.replace(fold=1).utcoffset() or timedelta(0)
    naive = missing.replace(tzinfo=None)
    # Inside a gap fold=0 reads the clock as before the change, fold=1 as after it.
    low = int((naive - after - datetime(1970, 1, 1)).total_seconds())
    high = int((naive - before - datetime(1970, 1, 1)).total_seconds())
    zone = missing.tzinfo
    while high - low > 1:
        middle = (low + high) // 2
        if datetime.fromtimestamp(middle, zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    return datetime.fromtimestamp(high, UTC)
