"""A crontab, read line by line as cron reads it. Pure.

What cron means and Rota writes otherwise is turned here: an expression with a day of the month
*and* a day of the week fires on either in cron, so it becomes two; `%` ends the command, and
what follows is its standard input. What crons do not agree on is left to people.

*Source:* crontab(5) and entry.c of cronie; crontab(5) of Debian's cron.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from rota.schedule.cron import CronError, parse_cron, parse_field

_VARIABLE = re.compile(r"\s*([^\s='\"]+|'[^']*'|\"[^\"]*\")\s*=\s*(.*?)\s*")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FIVE = re.compile(r"\s*((?:\S+\s+){4}\S+)\s+(.*)")
_SHORTCUT = re.compile(r"\s*(@\w+)\s+(.*)")
_USER = re.compile(r"(\S+)\s+(.*)")
_PERCENT = re.compile(r"(?<!\\)%")
_STEPPED = re.compile(r"(?P<range>\*|(?P<first>\w+)-\w+|\w+)/(?P<step>\d+)")
_TO_SUNDAY = re.compile(r"(?P<first>(?!sun-|0+-)\w+)-(sun|0+)(/\d+)?", re.IGNORECASE)
NOT_TEXT = "\ufffd"
"""Stands where the file has bytes that are no UTF-8."""
_RANGES = {
    "minute": (0, 59),
    "hour": (0, 23),
    "day_of_month": (1, 31),
    "month": (1, 12),
    "day_of_week": (0, 7),
}
_OWN = {"CRON_TZ", "MAILTO", "MAILFROM", "SHELL", "LOGNAME", "USER"}
"""Variables that are cron's, and not the command's. TZ is the command's alone: cron fires by
CRON_TZ, or by the machine's clock."""


@dataclass(frozen=True)
class Job:
    """One line that starts a command."""

    line: int
    """Counted from 1."""
    cron: tuple[str, ...]
    """Expressions whose union fires when cron would."""
    command: str
    """What the shell is given."""
    stdin: str | None
    """What stands on its standard input; None: nothing."""
    user: str | None
    """Who runs it, in a system's crontab."""
    variables: Mapping[str, str]
    """Set by the lines above it, without those that are cron's own."""
    mailto: str | None
    """Who is mailed what it prints; empty: nobody; None: the crontab's owner."""
    timezone: str | None
    """None: the machine's."""
    shell: str
    comment: str
    """Lines of comment that stand right above it."""


@dataclass(frozen=True)
class Unread:
    """A line that starts something, and cannot be taken over."""

    line: int
    text: str
    reason: str


@dataclass
class _Above:
    """What the lines read so far set for those below them."""

    variables: dict[str, str] = field(default_factory=dict[str, str])
    comment: list[str] = field(default_factory=list[str])


def read_crontab(text: str, *, system: bool) -> tuple[list[Job], list[Unread]]:
    """Return the jobs of a crontab, and the lines that are none and no variable either.

    Args:
        text: The file.
        system: It has a column with the user: `/etc/crontab`, a file of `/etc/cron.d`.
    """
    jobs: list[Job] = []
    unread: list[Unread] = []
    above = _Above()
    # At line feeds alone, as cron does it: a command may hold what else Unicode ends a line with.
    for number, line in enumerate(text.split("\n"), 1):
        stripped = line.strip()
        if stripped.startswith("#"):
            above.comment.append(stripped.lstrip("#").strip())
            continue
        variable = _VARIABLE.fullmatch(line)
        if variable and _NAME.fullmatch(name := _bare(variable[1])):
            above.variables[name] = _bare(variable[2])
        elif variable:
            why = "no shell has a variable of that name: use letters, digits and _"
            unread.append(Unread(number, f"{variable[1]}=", why))
        elif stripped:
            try:
                jobs.append(_job(number, line.removesuffix("\r"), above, system=system))
            except CronError as error:
                unread.append(Unread(number, stripped, str(error)))
        above.comment = []
    return jobs, unread


def _job(number: int, line: str, above: _Above, *, system: bool) -> Job:
    if NOT_TEXT in line or "\0" in line:
        raise CronError("it is no text, or not UTF-8: convert the file, with iconv for example")
    matched = _SHORTCUT.fullmatch(line) or _FIVE.fullmatch(line)
    if matched is None:
        raise CronError("five fields of time and a command, or @daily and a command, make a job")
    when, rest = matched[1], matched[2]
    if when.lower() == "@reboot":
        raise CronError("a server has no reboot: start it with the machine's own service manager")
    user: str | None = None
    if system:
        whose = _USER.fullmatch(rest)
        if whose is None:
            raise CronError("a system's crontab names a user before the command")
        user, rest = whose[1], whose[2]
    command, *fed = _PERCENT.split(rest)
    variables = above.variables
    return Job(
        line=number,
        cron=_either_day(when),
        command=command.replace(r"\%", "%").strip(),
        stdin="\n".join(part.replace(r"\%", "%") for part in fed) + "\n" if fed else None,
        user=user,
        variables={name: value for name, value in variables.items() if name not in _OWN},
        mailto=variables.get("MAILTO"),
        timezone=variables.get("CRON_TZ") or None,
        shell=variables.get("SHELL") or "/bin/sh",
        comment="\n".join(line for line in above.comment if line),
    )


def _either_day(expression: str) -> tuple[str, ...]:
    """Return what fires as cron does: on either of two days, unless one begins with a star."""
    fields = expression.split()
    # Vixie's cron looks at the first character alone: */2 is a star to it.
    has_star = any(field.startswith("*") for field in fields[2::2])
    fields = list(map(_stepped, _RANGES, fields)) if len(fields) > 1 else fields
    parse_cron(" ".join(fields))
    if len(fields) == 1:
        return (expression.lower(),)
    minute, hour, day, month, weekday = fields
    if has_star:
        return (" ".join(fields),)
    return (f"{minute} {hour} {day} {month} *", f"{minute} {hour} * {month} {weekday}")


def _stepped(name: str, text: str) -> str:
    """Return a field without the steps that Rota refuses: beyond its range they give its first."""
    low, high = _RANGES[name]

    def part(given: str) -> str:
        if name == "day_of_week" and (to_sunday := _TO_SUNDAY.fullmatch(given)):
            first = to_sunday["first"]
            raise CronError(
                f"'{given}' runs backwards: at the end of a range crons take Sunday as 7 alone, "
                f"and refuse this line; write {first}-7"
            )
        matched = _STEPPED.fullmatch(given)
        if matched is None:
            return given
        step = matched["step"]
        if matched["range"] != "*" and matched["first"] is None:
            raise CronError(
                f"'{given}': to one cron this is an error, to another {matched['range']} alone; "
                f"write {matched['range']}-{high}/{step}, or without the step"
            )
        if len(step) < 3 and int(step) <= high - low:
            return given
        parse_field(name, matched["range"])
        return matched["first"] or str(low)

    return ",".join(map(part, text.split(",")))


def _bare(text: str) -> str:
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "'\""
    return text[1:-1] if quoted else text
