"""Where putting away closed runs has come to, and when it has fallen behind. Pure."""

from datetime import datetime, timedelta

from rota.archive import ArchiveReport
from rota.audit.verified import BrokenPlace, Verification, What
from rota.language.durations import format_duration
from rota.model import Record
from rota.notices.spec import Occasion
from rota.watchdog.alerts import Alert, Finding, News, Scope, carry_on

MOST_LAG = timedelta(hours=6)
"""Longest that a closed run may wait to be put away: far below any retention, far above what
one check leaves to the next."""


PAUSE = timedelta(minutes=5)
"""Between two attempts, unless the last one left something: each looks at an hour again."""
OF_THE_ARCHIVE = (Occasion.ARCHIVE_LAG, Occasion.AUDIT_BROKEN)
"""Alerts that are judged after all others, once closed runs were to be put away."""
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
    verification: Verification | None = None
    """What is known of the archive as it lies there; None: nobody has looked."""


def is_due(state: ArchiveState | None, now: datetime) -> bool:
    """Whether to try again: soon if something was left, else after a pause."""
    return state is None or state.at is None or state.left > 0 or now - state.at >= PAUSE


def limit_of(every: timedelta) -> int:
    """Return how many runs one attempt puts away, if there is a check every so often."""
    return LIMIT * max(1, every // timedelta(minutes=1))


def archived(
    report: ArchiveReport, now: datetime, before: ArchiveState | None = None
) -> ArchiveState:
    """An attempt has ended; what it does not say of the archive is as it was `before`."""
    lost = f"{report.losses} runs were forgotten by the server before" if report.losses else ""
    return ArchiveState(
        at=now,
        left=report.left,
        lag_seconds=report.lag_seconds,
        archived=report.archived,
        failures=report.failures,
        problem="; ".join(filter(None, (report.problem, lost))),
        verification=report.verification or (before.verification if before else None),
    )


def not_archived(before: ArchiveState | None, reason: str, now: datetime) -> ArchiveState:
    """An attempt came to nothing."""
    state = before or ArchiveState()
    changes = {"at": now, "archived": 0, "reason": reason, "since": state.since or now}
    return state.model_copy(update=changes)


def lagging(
    alerts: tuple[Alert, ...], state: ArchiveState, now: datetime
) -> tuple[tuple[Alert, ...], list[News]]:
    """Return the alerts with those of the archive, and what is to be told of it."""
    mine = [alert for alert in alerts if alert.kind in OF_THE_ARCHIVE]
    others = [alert for alert in alerts if alert.kind not in OF_THE_ARCHIVE]
    findings = [*_findings(state, now), *_broken(state)]
    kept, news = carry_on(mine, findings, Scope(()), now)
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


def _broken(state: ArchiveState) -> list[Finding]:
    """What does not verify, each by itself: it is told once, and once when it is mended."""
    known = state.verification.broken if state.verification else ()
    return [
        Finding(
            key=f"audit_broken/{each.place.name}",
            kind=Occasion.AUDIT_BROKEN,
            # Not the agent: what is alerted of an agent is judged with it, and this is not.
            run=each.run_id,
            since=each.since,
            reason=f"{_told(each)} does not verify: {each.reason}",
            todo=_todo(each),
        )
        for each in known
    ]


def _todo(broken: BrokenPlace) -> str:
    if broken.run_id:
        return f"rota audit export {broken.run_id} -o bundle"
    return "rota audit checkpoints -o checkpoints"


def _told(broken: BrokenPlace) -> str:
    place = broken.place
    if place.what is What.CHECKPOINT:
        return f"the checkpoint of {place.agent} of {place.day}"
    return f"the archived run {broken.run_id or place.key} of {place.agent}"
