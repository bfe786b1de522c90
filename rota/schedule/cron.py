"""Cron text and calendar blocks, read into ranges of numbers.

Pure. Rota sends the server these ranges and not the cron text, because the server
forgets the text; the text travels along as the calendar's comment. Reading it here also
means a bad expression is an error of the declaration, with its place, before any server
is asked.

Day of month and day of week must *both* match, as on the server. Vixie cron takes either.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from pydantic import model_validator

from rota.model import Record

COMMENT_LIMIT = 200
"""Bytes the server takes as the comment of one calendar."""

SHORTCUTS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_CRON_FIELDS = ("minute", "hour", "day_of_month", "month", "day_of_week")
_PART = re.compile(r"(\*|\w+)(?:-(\w+))?(?:/(\w+))?")


class CronError(ValueError):
    """A cron expression or calendar field that cannot be read."""


class Range(Record):
    """Every `step`-th number from `start` to `end`, both included."""

    start: int
    end: int
    step: int = 1

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.end < self.start or self.step < 1:
            raise ValueError(f"a range runs upwards by at least 1, not {self}")
        return self

    @property
    def values(self) -> range:
        """The numbers themselves."""
        return range(self.start, self.end + 1, self.step)


class StructuredCalendar(Record):
    """Wall-clock times as the server keeps them: all seven fields must match."""

    second: tuple[Range, ...]
    minute: tuple[Range, ...]
    hour: tuple[Range, ...]
    day_of_month: tuple[Range, ...]
    month: tuple[Range, ...]
    day_of_week: tuple[Range, ...]
    """0 is Sunday, 6 is Saturday."""
    year: tuple[Range, ...]
    """Empty means every year, up to the server's last, 2100."""
    comment: str = ""
    """The text these ranges were read from."""


@dataclass(frozen=True)
class _FieldRule:
    low: int
    high: int
    names: Mapping[str, int]

    @property
    def span(self) -> str:
        named = f" or {next(iter(self.names))}-{list(self.names)[-1]}" if self.names else ""
        return f"{self.low}-{self.high}{named}"


_RULES = {
    "second": _FieldRule(0, 59, {}),
    "minute": _FieldRule(0, 59, {}),
    "hour": _FieldRule(0, 23, {}),
    "day_of_month": _FieldRule(1, 31, {}),
    "month": _FieldRule(1, 12, {name: n for n, name in enumerate(_MONTHS, 1)}),
    "day_of_week": _FieldRule(0, 7, {name: n for n, name in enumerate(_WEEKDAYS)}),
    "year": _FieldRule(2000, 2100, {}),
}


def parse_cron(text: str) -> StructuredCalendar:
    """Read a five-field cron expression or one of `SHORTCUTS`.

    Raises:
        CronError: it is not one; the message names expression, field, value and a cure.
    """
    source = " ".join(text.split())
    expression = SHORTCUTS.get(source.lower(), source)
    try:
        fields = _split(expression)
        return _structured(dict(zip(_CRON_FIELDS, fields, strict=True)), source)
    except CronError as error:
        raise CronError(f"cron '{source[:80]}': {error}") from None


def parse_calendar(fields: Mapping[str, str]) -> StructuredCalendar:
    """Read a calendar block: field name to text, as in `rota.schedule.spec.Calendar`.

    Fields left out keep their defaults: `0` for times of day, `*` for dates.

    Raises:
        CronError: a field cannot be read.
    """
    given = {name: str(value) for name, value in fields.items()}
    source = " ".join(f"{name}={value}" for name, value in given.items())
    return _structured(given, f"calendar {source}".strip())


def parse_field(name: str, text: str) -> tuple[Range, ...]:
    """Read one field: `*`, values, names, ranges, steps, and lists of them.

    Raises:
        CronError: the message names field and value.
    """
    ranges: list[Range] = []
    for part in text.strip().split(","):
        try:
            ranges.extend(_parse_part(name, part.strip().upper()))
        except CronError as error:
            raise CronError(f"{name} '{part}': {error}") from None
    return tuple(ranges)


def _split(expression: str) -> list[str]:
    fields = expression.split()
    if expression.startswith(("TZ=", "CRON_TZ=")):
        raise CronError("the time zone goes in 'timezone', beside 'cron'")
    if re.match(r"@every(?!\w)", expression):
        raise CronError(f"write every: {expression.removeprefix('@every').strip() or '1h'}")
    if expression.startswith("@"):
        raise CronError(f"no such shortcut; known are {', '.join(SHORTCUTS)}")
    if len(fields) in (6, 7):
        raise CronError(
            f"{len(fields)} fields mean seconds to one scheduler and years to another; use five "
            "(minute hour day-of-month month day-of-week), or 'calendar' with second and year"
        )
    if len(fields) != len(_CRON_FIELDS):
        raise CronError(
            f"expected five fields (minute hour day-of-month month day-of-week), found "
            f"{len(fields)}; write for example '5 * * * *' or @daily"
        )
    return fields


def _structured(fields: Mapping[str, str], source: str) -> StructuredCalendar:
    def ranges(name: str, default: str) -> tuple[Range, ...]:
        return parse_field(name, fields.get(name, default))

    year = fields.get("year", "*").strip()
    return StructuredCalendar(
        second=ranges("second", "0"),
        minute=ranges("minute", "0"),
        hour=ranges("hour", "0"),
        day_of_month=ranges("day_of_month", "*"),
        month=ranges("month", "*"),
        day_of_week=ranges("day_of_week", "*"),
        year=() if year == "*" else parse_field("year", year),
        comment=source.encode()[:COMMENT_LIMIT].decode(errors="ignore"),
    )


def _parse_part(name: str, part: str) -> list[Range]:
    rule = _RULES[name]
    matched = _PART.fullmatch(part)
    if not matched:
        raise CronError(_why_malformed(part, rule))
    first, last, step_text = matched.groups()
    # Sunday has two numbers; an open end stops at Saturday, or 1/2 would add Sunday.
    top = 6 if name == "day_of_week" else rule.high
    if first == "*":
        if last is not None:
            raise CronError("'*' is the whole range already; leave out what follows '-'")
        start, end = rule.low, top
    else:
        start = _value(rule, first)
        end = _value(rule, last) if last else (max(start, top) if step_text else start)
    if name == "day_of_week" and last and end == 0 < start:
        end = 7
    if end < start:
        raise CronError(
            f"runs backwards; write {first}-{rule.high if name != 'day_of_week' else 6}"
            f",{rule.low}-{last}"
        )
    step = _step(step_text, rule) if step_text else 1
    if name == "day_of_week" and end == 7:
        return _sunday_as_zero(start, end, step)
    return [Range(start=start, end=end, step=step)]


def _sunday_as_zero(start: int, end: int, step: int) -> list[Range]:
    values = {value % 7 for value in range(start, end + 1, step)}
    return [Range(start=value, end=value) for value in sorted(values)]


def _value(rule: _FieldRule, text: str) -> int:
    if text in rule.names:
        return rule.names[text]
    if not (text.isascii() and text.isdigit()):
        raise CronError(_why_malformed(text, rule))
    value = int(text[:9])
    if not rule.low <= value <= rule.high:
        raise CronError(f"outside {rule.span}")
    return value


def _step(text: str, rule: _FieldRule) -> int:
    longest = rule.high - rule.low
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text[:9]) <= longest:
        raise CronError(
            f"the step must be 1-{longest}; for a longer interval use 'every' instead of cron"
        )
    return int(text)


def _why_malformed(text: str, rule: _FieldRule) -> str:
    if text == "?":
        return "write * for any"
    if text in ("L", "W", "LW") or re.fullmatch(r"\w+#\d|\d+[LW]", text):
        return "L, W and # are not supported; list the days, or use 'every' or 'calendar'"
    return f"not understood; write *, {rule.span}, a range a-b, a list a,b or a step */n"
