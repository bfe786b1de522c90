"""A server's calendar as text, the same text for the same times however it was written.

`plan` and `drift` compare and print calendars in this form: cron where cron can say it,
else the fields that differ from a calendar's defaults.
"""

from collections.abc import Sequence
from datetime import date
from itertools import pairwise

from temporalio.client import ScheduleCalendarSpec, ScheduleRange

_CRON_FIELDS = ("minute", "hour", "day_of_month", "month", "day_of_week")
_SPANS = {
    "second": (0, 59),
    "minute": (0, 59),
    "hour": (0, 23),
    "day_of_month": (1, 31),
    "month": (1, 12),
    "day_of_week": (0, 6),
    "year": (2000, 2100),
}


def calendar_text(calendar: ScheduleCalendarSpec) -> str:
    """Return `5 9 * * 1-5`, or `second=30 minute=5 hour=9` where cron has no field for it."""
    texts = {name: _field_text(name, getattr(calendar, name)) for name in _SPANS}
    if texts["second"] == "0" and texts["year"] == "*":
        return " ".join(texts[name] for name in _CRON_FIELDS)
    named = {name: text for name, text in texts.items() if text != "*"}
    return " ".join(f"{name}={text}" for name, text in named.items())


def excluded_text(calendar: ScheduleCalendarSpec) -> str:
    """Return the date if exactly one whole day is meant, else as `calendar_text`."""
    texts = {name: _field_text(name, getattr(calendar, name)) for name in _SPANS}
    anytime = all(texts[name] == "*" for name in ("second", "minute", "hour", "day_of_week"))
    day = [texts[name] for name in ("year", "month", "day_of_month")]
    if anytime and all(text.isdigit() for text in day):
        year, month, day_of_month = map(int, day)
        return date(year, month, day_of_month).isoformat()
    return calendar_text(calendar)


def _field_text(name: str, ranges: Sequence[ScheduleRange]) -> str:
    low, high = _SPANS[name]
    if not ranges:  # what the server takes a field left out for
        return "0" if name in ("second", "minute", "hour") else "*"
    values = sorted({v for r in ranges for v in range(r.start, r.end + 1, max(r.step, 1))})
    if values == list(range(low, high + 1)):
        return "*"
    steps = {after - before for before, after in pairwise(values)}
    if len(values) > 2 and len(steps) == 1 and steps != {1}:
        (step,) = steps
        whole = values[0] == low and values[-1] + step > high
        return f"*/{step}" if whole else f"{values[0]}-{values[-1]}/{step}"
    return ",".join(_runs(values))


def _runs(values: list[int]) -> list[str]:
    """Return consecutive numbers joined: 1, 2, 3, 7 as `1-3`, `7`."""
    runs: list[list[int]] = []
    for value in values:
        if runs and value == runs[-1][-1] + 1:
            runs[-1].append(value)
        else:
            runs.append([value])
    return [f"{run[0]}-{run[-1]}" if len(run) > 2 else ",".join(map(str, run)) for run in runs]
