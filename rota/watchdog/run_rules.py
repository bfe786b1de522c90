"""Runs that do not end, do not get on, or cannot: overdue, stuck, wedged. Pure."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from rota.ids import format_slot
from rota.keepers.state import LedgerEntry
from rota.language.durations import format_duration
from rota.notices.spec import Occasion
from rota.pinned_spec import PinnedSpec
from rota.runs import RunStatus
from rota.watchdog.alerts import Finding
from rota.watchdog.open_run import OpenRun
from rota.watchdog.sla import declares_progress, finish_time, stuck_after


def overdue(
    spec: PinnedSpec, entries: Iterable[LedgerEntry], since: datetime, now: datetime
) -> list[Finding]:
    """Runs that had not ended when they were to; also such as have ended since the last check.

    Raises:
        ValueError: the declaration's zone is not known here.
    """
    found: list[Finding] = []
    for entry in entries:
        ended = entry.settled_at
        if entry.run is None or entry.status is RunStatus.SKIPPED or (ended and ended < since):
            continue
        due = finish_time(spec.sla, entry.own_slot, entry.admitted_at, spec.timezone)
        if due is None or (ended or now) <= due:
            continue
        found.append(
            Finding(
                key=f"overdue/{spec.name}/{entry.run.key}",
                kind=Occasion.OVERDUE,
                agent=spec.name,
                team=spec.team,
                run=entry.run.id,
                since=due,
                reason=f"it was to be done by {format_slot(due)}",
                todo=f"rota show {entry.run.id}",
                over=ended,
                ended=f"{entry.status.value} at {format_slot(ended)}" if ended else "",
            )
        )
    return found


def may_be_stuck(run: OpenRun, spec: PinnedSpec, now: datetime) -> bool:
    """Whether to look when something last happened in a run: it may be too long ago.

    One that waits for people, for its turn or for another run, is what it is to be.
    """
    limit = stuck_after(spec.sla, spec.wall_clock_seconds)
    return run.status == RunStatus.RUNNING and now - run.began > limit and not run.problems


def stuck(run: OpenRun, spec: PinnedSpec, now: datetime) -> Finding | None:
    """A run in which nothing has happened for too long, though it waits for nobody."""
    limit = stuck_after(spec.sla, spec.wall_clock_seconds)
    if not may_be_stuck(run, spec, now) or run.progress is None or run.has_children:
        return None
    if now - run.progress <= limit:
        return None
    if not declares_progress(spec.sla) and run.step_until is not None and now <= run.step_until:
        # A tool that may take an hour makes no event in it.
        return None
    waits = f": {run.waits_for}" if run.waits_for else ""
    return Finding(
        key=f"stuck/{spec.name}/{run.key}/{format_slot(run.progress)}",
        kind=Occasion.STUCK,
        agent=spec.name,
        team=spec.team,
        run=run.id,
        since=run.progress,
        reason=f"nothing has happened in it for {_rounded(now - run.progress)}{waits}",
        todo=f"rota show {run.id}",
    )


def wedged(run: OpenRun, team: str, now: datetime) -> Finding | None:
    """A workflow whose tasks fail: it stands still until its code is mended."""
    if not run.problems:
        return None
    problems = ", ".join(run.problems)
    return Finding(
        key=f"wedged/{run.agent}/{run.id}/{run.key}",
        kind=Occasion.WEDGED,
        agent=run.agent,
        team=team,
        run=run.id,
        since=now,
        reason=f"its workflow tasks fail ({problems}): it stands still until workers have "
        "code, or tools, with which it goes on",
        todo=f"temporal workflow describe -w {run.id}",
    )


def _rounded(time: timedelta) -> str:
    return format_duration(timedelta(minutes=max(1, time // timedelta(minutes=1))))
