"""Agents that a check could not judge: said in the check, and told if it stays so. Pure."""

from collections.abc import Collection, Mapping
from datetime import datetime

from rota.notices.spec import Occasion
from rota.watchdog.alerts import Finding

NAMED = 3
"""Agents named in one line; of the others their number."""


def not_judged(fleet: str, names: Collection[str], now: datetime) -> list[Finding]:
    """What people are told of agents that two checks running could not judge.

    One finding for all of them: it is mostly one cause.
    """
    if not names:
        return []
    are = "is" if len(names) == 1 else "are"
    return [
        Finding(
            key=f"wedged/{fleet}/unheard",
            kind=Occasion.WEDGED,
            since=now,
            reason=f"{_some(names)} {are} not watched: see why with rota watchdog",
            todo="rota watchdog",
        )
    ]


def lines(unheard: Mapping[str, str]) -> list[str]:
    """One line for each reason, with whom it holds of; nothing of those without a reason."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in sorted(unheard.items()):
        by_reason.setdefault(reason, []).append(name)
    return [f"{_some(names)}: {reason}" for reason, names in by_reason.items() if reason]


def _some(names: Collection[str]) -> str:
    first = sorted(names)[:NAMED]
    more = len(names) - len(first)
    return ", ".join(first) + (f" and {more} more" if more else "")
