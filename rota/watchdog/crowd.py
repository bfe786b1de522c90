"""More alerts than are remembered: who has room, and what is said of the rest. Pure."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from rota.watchdog.alerts import Alert, Finding, Scope, is_looked_at

MOST_ALERTS = 500
"""Alerts that are remembered: the memory travels in the schedule's state."""


def fitting(
    known: Sequence[Alert], findings: Sequence[Finding], scope: Scope
) -> tuple[list[Finding], list[Finding]]:
    """Divide findings into those for which there is room among the alerts, and the rest.

    What is known has its room; of what is new the first come first.
    """
    keys, told = {each.key for each in findings}, {alert.key for alert in known}
    kept = sum(alert.key in keys or not is_looked_at(alert, scope) for alert in known)
    new = [each for each in findings if each.key not in told]
    left = new[max(0, MOST_ALERTS - kept) :]
    without = {each.key for each in left}
    return [each for each in findings if each.key not in without], left


def crowded(fleet: str, left: Sequence[Finding], now: datetime) -> list[Finding]:
    """What is told in place of all for which there is no room."""
    if not left:
        return []
    agents = len({each.agent for each in left})
    return [
        Finding(
            key=f"crowd/{fleet}",
            # Most of whom it is about are told of this kind.
            kind=Counter(each.kind for each in left).most_common(1)[0][0],
            since=now,
            count=len(left),
            reason=f"{len(left)} more alerts, of {agents} agents, than the {MOST_ALERTS} that "
            "are remembered: each is told when there is room",
            todo="rota missed",
        )
    ]
