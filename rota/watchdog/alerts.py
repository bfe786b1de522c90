"""Findings of a check, and the alerts that they open, keep open and resolve. Pure.

A finding is found anew by every check for as long as it holds. An alert is what people are told
of it: once when it opens, once when it is over. The key is the same for both.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from pydantic import Field

from rota.model import Record, is_empty
from rota.notices.spec import Occasion

GONE = "its agent is not in the fleet any more"


class Finding(Record):
    """Something that is not as it should be."""

    key: str
    """Tells it from all others, for as long as it lasts: `missed/report/2026-11-22T06:00:00Z`."""
    kind: Occasion
    agent: str = ""
    """Or pipeline; empty of what is about none of them."""
    team: str = Field(default="", exclude_if=is_empty)
    run: str = Field(default="", exclude_if=is_empty)
    """Workflow id, if it is about one run."""
    since: datetime
    last: datetime | None = None
    """Of an episode: the newest slot, or the newest run, that belongs to it."""
    count: int = 1
    """Of an episode: how many."""
    reason: str = ""
    todo: str = ""
    over: datetime | None = None
    """It has ended by itself since; None: it lasts."""
    ended: str = Field(default="", exclude_if=is_empty)
    """How, in a few words."""


class Alert(Finding):
    """What people were told."""

    opened: datetime
    """By the check of that time."""

    @property
    def is_open(self) -> bool:
        """True as long as nobody was told that it is over."""
        return self.over is None


class News(NamedTuple):
    """Something to tell: an alert that has opened, or one that is over."""

    alert: Alert
    resolved: bool


class Scope(NamedTuple):
    """What a check has really looked at: only of that silence means that it is over."""

    agents: Collection[str]
    """Whose slots and runs were judged."""
    whole: bool = True
    """All agents of the fleet were listed: whoever is not among them is gone."""
    unheard: Collection[str] = ()
    """Agents that are there, and could not be judged."""


def carry_on(
    known: Sequence[Alert], findings: Iterable[Finding], scope: Scope, now: datetime
) -> tuple[list[Alert], list[News]]:
    """Hold what was found against what is known.

    Args:
        known: Alerts of the last check, those among them that are over and were found again.
        findings: Of this check, not more than fit.
        scope: What it has looked at.
        now: Its time.

    Returns:
        The alerts to remember, and what to tell, in the order in which it is to be told.
    """
    found = {finding.key: finding for finding in findings}
    alerts: list[Alert] = []
    news: list[News] = []
    for alert in known:
        finding = found.pop(alert.key, None)
        if finding is not None:
            changes = finding.model_dump(exclude={"key", "kind", "since"})
            changes["over"] = alert.over or finding.over
            alerts.append(alert.model_copy(update=changes))
            if alert.is_open and finding.over is not None:
                news.append(News(alerts[-1], resolved=True))
        elif not is_looked_at(alert, scope):
            alerts.append(alert)
        elif alert.is_open:
            ended = GONE if alert.agent and alert.agent not in scope.agents else ""
            over = alert.model_copy(update={"over": now, "ended": ended})
            news.append(News(over, resolved=True))
    for finding in found.values():
        alert = Alert.model_validate({**finding.model_dump(), "opened": now})
        alerts.append(alert)
        news.append(News(alert.model_copy(update={"over": None, "ended": ""}), resolved=False))
        news += [] if alert.is_open else [News(alert, resolved=True)]
    return alerts, news


def is_looked_at(alert: Alert, scope: Scope) -> bool:
    """True if the check would have found it, did it last."""
    if not alert.agent:
        return scope.whole
    if alert.agent in scope.agents:
        return True
    return scope.whole and alert.agent not in scope.unheard
