"""Durations as people write them: `30s`, `5m`, `1h30m`, `2d`.

The one place that reads and prints them, so a duration looks the same in YAML, in a
plan and in an error.
"""

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

_UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|d|h|m|s)")
LONGEST_SECONDS = 36_500 * 86_400
"""No declaration can ask for more, and no calendar overflows."""
_SHOWN = 40
PATTERN = r"^(\d+(\.\d+)?(ms|d|h|m|s))+$"


def parse_duration(value: Any) -> timedelta:
    """Read `1h30m`, a number of seconds, or a timedelta.

    Raises:
        ValueError: the text is not a duration; the message shows the form expected.
    """
    if isinstance(value, timedelta):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _of_seconds(value, str(value))
    text = str(value).strip()
    if not re.fullmatch(PATTERN, text):
        shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
        raise ValueError(f"'{shown}' is not a duration; write for example 30s, 5m or 1h30m")
    return _of_seconds(sum(float(n) * _UNITS[u] for n, u in _PART.findall(text)), text)


def _of_seconds(seconds: float, text: str) -> timedelta:
    if not 0 <= seconds <= LONGEST_SECONDS:
        raise ValueError(
            f"{text[:_SHOWN]} is not a duration between 0s and {LONGEST_SECONDS // 86400}d"
        )
    return timedelta(seconds=seconds)


def format_duration(value: timedelta) -> str:
    """Print a duration so that `parse_duration` reads it back: `1h30m`, `0s`."""
    milliseconds = round(value.total_seconds() * 1000)
    parts: list[str] = []
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, milliseconds = divmod(milliseconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema({"type": "string", "pattern": PATTERN, "examples": ["30s", "5m", "1h30m"]}),
]
"""A pydantic field that is a timedelta in code and `1h30m` in YAML and JSON."""
