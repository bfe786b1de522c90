"""Where putting away closed runs has come to, and when it has fallen behind. Pure."""

from datetime import datetime, timedelta

from rota.archive import ArchiveReport
from rota.durations import format_duration
from rota.model import Record
from rota.notify_spec import Occasion
from rota.watchdog.alerts import Alert, Finding, News, Scope, carry_on

MOST_LAG = timedelta(hours=6)
"""Longest that a closed run may wait to be put away: far below any retention, far above what
one check leaves to the next."""


PAUSE = timedelta(minutes=5)
"""Between two attempts, unless the last one left something: each looks at an hour again."""
LIMIT = 100
"""Runs of one attempt for each minute until the next check: done well within it."""


class ArchiveState(Record):
    """Of the last attempts."""

    at: datetime | None = None
    """When the last one began."""
    left: int = 0
    """Closed runs beyond its limit."""
    lag_seconds: int = 0
    archived: int = 0
    """By the last attempt."""
    failures: int = 0
    problem: str = ""
    """What kept it from all that it was to do besides."""
    reason: str = ""
    """Why the last attempt came to nothing; empty if it came to something."""
    since: datetime | None = None
    """When attempts began to come to nothing."""


def is_due(state: ArchiveState | None, now: datetime) -> bool:
    """Whether to try again: soon if something was left, else after a pause."""
    return state is None or state.at is None or state.left > 0 or now - state.at >= PAUSE


def limit_of(every: timedelta) -> int:
    """Return how many runs one attempt puts away, if there is a check every so often."""
    return LIMIT * max(1, every // timedelta(minutes=1))


def archived(report: ArchiveReport, now: datetime) -> ArchiveState:
    """An attempt has ended."""
    lost = f"{report.losses} runs were forgotten by the server before" if report.losses else ""
    return ArchiveState(
        at=now,
        left=report.left,
        lag_seconds=report.lag_seconds,
        archived=report.archived,
        failures=report.failures,
        problem="; ".join(filter(None, (report.problem, lost))),
    )


def not_archived(before: ArchiveState | None, reason: str, now: datetime) -> ArchiveState:
    """An attempt came to nothing."""
    state = before or ArchiveState()
    changes = {"at": now, "archived": 0, "reason": reason, "since": state.since or now}
    return state.model_copy(update=changes)


def lagging(
    alerts: tuple[Alert, ...], state: ArchiveState, now: datetime
) -> tuple[tuple[Alert, ...], list[News]]:
    """Return the alerts with that of the archive, and what is to be told of it."""
    mine = [alert for alert in alerts if alert.kind is Occasion.ARCHIVE_LAG]
    others = [alert for alert in alerts if alert.kind is not Occasion.ARCHIVE_LAG]
    kept, news = carry_on(mine, _findings(state, now), Scope(()), now)
    return (*others, *kept), news


def waited_by(state: ArchiveState, now: datetime) -> timedelta:
    """Return how long closed runs wait: nothing is known of that while every attempt fails."""
    behind = timedelta(seconds=state.lag_seconds)
    return max(behind, now - state.since if state.since else timedelta(0))


def _findings(state: ArchiveState, now: datetime) -> list[Finding]:
    waited = waited_by(state, now)
    if waited <= MOST_LAG:
        return []
    because = f": {state.reason}" if state.reason else ""
    minutes = timedelta(minutes=waited // timedelta(minutes=1))
    return [
        Finding(
            key="archive_lag",
            kind=Occasion.ARCHIVE_LAG,
            since=now - waited,
            reason=f"closed runs wait for {format_duration(minutes)} to be archived{because}",
            todo="rota doctor",
        )
    ]
