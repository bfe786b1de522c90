"""Declarations that are valid and still not what somebody means.

Pure: the time is an argument. An error here would make `rota apply` do harm or nothing
(a schedule that never fires); a warning is a surprise worth a look.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Literal

from rota.agent_spec import AgentSpec
from rota.calendars import aware, never_fires, next_times, structured_calendars, zone_of
from rota.clock_changes import clock_effects
from rota.cron import Range
from rota.durations import format_duration
from rota.schedule_spec import CatchupPolicy, Overlap, ScheduleSpec
from rota.template import TemplateError, paths, render, required_paths
from schedules.declaration_errors import KeyPath, format_key
from schedules.fleet import DeclaredAgent

Level = Literal["error", "warning"]

SLOTS_LOOKED_AT = 50
"""Slots compared for the shortest distance: a week of hourly ones, or two of four-hourly."""
SHORTEST_CATCHUP = timedelta(seconds=10)
"""The server raises anything shorter to this, and does not say so."""

_EVENT_NAME = re.compile(r"[a-z][a-z0-9_-]*(\.[a-z][a-z0-9_-]*)*")


@dataclass(frozen=True)
class Finding:
    """One remark, with its place."""

    level: Level
    source: str
    """The file, relative to the fleet's folder."""
    line: int
    key: str
    message: str

    def __str__(self) -> str:
        return f"{self.source}:{self.line}: {self.level}: {self.key}: {self.message}"


@dataclass(frozen=True)
class Remark:
    """A finding about a spec alone, before it has a file and a line."""

    level: Level
    path: KeyPath
    message: str


def lint(agents: Iterable[DeclaredAgent], now: datetime) -> list[Finding]:
    """Return what is doubtful in a fleet's agents, in their order.

    Args:
        agents: `Fleet.agents.values()`.
        now: Aware; slots before it do not count.
    """
    return [
        Finding(
            level=remark.level,
            source=agent.source,
            line=agent.locate(remark.path),
            key=format_key(remark.path),
            message=remark.message,
        )
        for agent in agents
        for remark in lint_spec(agent.spec, now)
    ]


def lint_spec(spec: AgentSpec, now: datetime) -> list[Remark]:
    """Return what is doubtful in one agent, in the order of its keys."""
    remarks = [*_session(spec), *_emits(spec)]
    if spec.schedule is not None:
        remarks = [*_schedule(spec, spec.schedule, now), *remarks]
    return remarks


def _schedule(spec: AgentSpec, schedule: ScheduleSpec, now: datetime) -> Iterator[Remark]:
    yield from _bounds(schedule)
    yield from _both_days(schedule)
    yield from _catchup(schedule)
    try:
        zone_of(schedule.timezone)
    except ValueError as error:
        yield Remark("error", ("schedule", "timezone"), str(error))
        return
    silent = list(_silence(schedule, now))
    yield from silent
    if not silent:
        yield from _clock(schedule, now)
        yield from _distance(spec, schedule, now)


def _bounds(schedule: ScheduleSpec) -> Iterator[Remark]:
    for key in ("start", "end"):
        moment: datetime | None = getattr(schedule, key)
        if moment is not None and moment.tzinfo is None:
            example = moment.isoformat(timespec="seconds")
            yield Remark(
                "error",
                ("schedule", key),
                f"{example} has no offset and would mean UTC, whatever 'timezone' says; "
                f"write {example}Z or for example {example}+01:00",
            )
    if schedule.start and schedule.end and aware(schedule.end) < aware(schedule.start):
        yield Remark("error", ("schedule", "end"), "lies before start; swap or mend them")


def _both_days(schedule: ScheduleSpec) -> Iterator[Remark]:
    keys = [*_keys("cron", len(schedule.cron)), *_keys("calendar", len(schedule.calendar))]
    for path, calendar in zip(keys, structured_calendars(schedule), strict=True):
        if _restricts(calendar.day_of_month, 31) and _restricts(calendar.day_of_week, 7):
            yield Remark(
                "warning",
                path,
                "fires on days that fit day of month AND day of week; Vixie cron fires where "
                "either fits; if you mean either, write two expressions",
            )


def _restricts(ranges: tuple[Range, ...], all_values: int) -> bool:
    return len({value for item in ranges for value in item.values}) < all_values


def _keys(name: str, count: int) -> list[KeyPath]:
    if count == 1:
        return [("schedule", name)]
    return [("schedule", name, index) for index in range(count)]


def _catchup(schedule: ScheduleSpec) -> Iterator[Remark]:
    policy, window = schedule.catchup.policy, schedule.catchup.window
    if policy is CatchupPolicy.ALL and schedule.overlap is Overlap.SKIP:
        yield Remark(
            "warning",
            ("schedule", "catchup", "policy"),
            "all is not kept with overlap skip: of the missed slots the server starts the "
            "first and drops those that come while it works; add overlap: queue_all",
        )
    if window < SHORTEST_CATCHUP:
        yield Remark(
            "warning",
            ("schedule", "catchup", "window"),
            f"{format_duration(window)} is shorter than the server allows; it uses 10s",
        )


def _silence(schedule: ScheduleSpec, now: datetime) -> Iterator[Remark]:
    """Find calendars that match no date, then a schedule with no slot left."""
    only = {"cron": (), "every": (), "calendar": (), "exclude": (), "start": None, "end": None}
    for name in ("cron", "calendar"):
        parts = getattr(schedule, name)
        for path, part in zip(_keys(name, len(parts)), parts, strict=True):
            if never_fires(schedule.model_copy(update={**only, name: (part,)}), now):
                shown = f"'{part}' " if isinstance(part, str) else ""
                yield Remark("error", path, f"{shown}never fires: no date from now on fits it")
                return
    if schedule.end and aware(schedule.end) <= now:
        message = f"the schedule ended on {schedule.end.isoformat()}; move it or remove schedule"
        yield Remark("error", ("schedule", "end"), message)
    elif never_fires(schedule, now):
        message = "never fires: start, end and exclude leave no slot"
        yield Remark("error", ("schedule",), message)


def _clock(schedule: ScheduleSpec, now: datetime) -> Iterator[Remark]:
    notes: list[str] = []
    for effect in clock_effects(schedule, now):
        if effect.skipped:
            notes.append(f"{_some(effect.skipped)} is skipped on {effect.day}")
        if effect.extra:
            notes.append(f"{_some(effect.extra)} comes once more on {effect.day}")
    if notes:
        name = "cron" if schedule.cron else "calendar"
        yield Remark(
            "warning",
            ("schedule", name),
            f"the clocks of {schedule.timezone} change: {', '.join(notes)}; "
            "choose an hour outside 00:00-03:59, or timezone: UTC",
        )


def _some(times: tuple[str, ...]) -> str:
    return ", ".join(times) if len(times) <= 3 else f"{times[0]}-{times[-1]}"


def _distance(spec: AgentSpec, schedule: ScheduleSpec, now: datetime) -> Iterator[Remark]:
    slots = next_times(schedule, now, SLOTS_LOOKED_AT)
    shortest = min((later - earlier for earlier, later in pairwise(slots)), default=None)
    if shortest is None:
        return
    names = [name for name in ("cron", "every", "calendar") if getattr(schedule, name)]
    path: KeyPath = ("schedule", *names) if len(names) == 1 else ("schedule",)
    limit = spec.budget.wall_clock
    if shortest < limit and schedule.overlap is Overlap.SKIP:
        yield Remark(
            "warning",
            path,
            f"slots come {format_duration(shortest)} apart, and a run may take "
            f"{format_duration(limit)}; slots that come meanwhile are skipped; lower "
            "budget.wall_clock, or choose overlap: queue_one",
        )
    if schedule.jitter > shortest:
        yield Remark(
            "warning",
            ("schedule", "jitter"),
            f"{format_duration(schedule.jitter)} is longer than the {format_duration(shortest)} "
            "between slots; the server cuts it to that",
        )


def _session(spec: AgentSpec) -> Iterator[Remark]:
    path: KeyPath = ("session", "key")
    key = spec.session.key
    try:
        named, required = paths(key), required_paths(key)
    except TemplateError as error:
        yield Remark("error", path, str(error))
        return
    foreign = sorted(name for name in named if name.split(".")[0] != "input")
    for name in foreign:
        yield Remark("error", path, f"{{{name}}}: a session key is made from input only")
    for name in sorted(required.difference(foreign)):
        reason = _cannot_fill(name, spec)
        if reason and spec.schedule:
            message = f"{reason}; a scheduled run has nothing else: give it under 'input'"
            yield Remark("error", path, message)
        elif reason:
            yield Remark("warning", path, f"{reason}; every run must bring it")


def _cannot_fill(name: str, spec: AgentSpec) -> str | None:
    try:
        value = render(f"{{{name}}}", {"input": spec.input})
    except TemplateError as error:
        return str(error)
    return f"{{{name}}} is null" if value is None else None


def _emits(spec: AgentSpec) -> Iterator[Remark]:
    for index, name in enumerate(spec.emits):
        if not _EVENT_NAME.fullmatch(name):
            yield Remark(
                "error",
                ("emits", index),
                f"'{name}' is not an event name; write lower-case words joined by dots, "
                "for example reconciliation.completed",
            )
