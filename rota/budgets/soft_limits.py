"""Soft limits that are reached: told once for each window, while there is time to act. Pure.

Each limit by itself, and again once it was raised: that is another one. What counts is what was
spent, not what is reserved: that is given back where it was too much.
"""

import shlex
from collections.abc import Sequence
from datetime import datetime

from rota.budgets.limits import Limit, format_amount, format_end, limits_of
from rota.budgets.reservations import Account
from rota.budgets.tallies import keys_at, tally_of, with_told
from rota.notices.facts import Fact, wants
from rota.notices.spec import NotifySpec, Occasion


def is_due(account: Account, notify: Sequence[NotifySpec], now: datetime) -> bool:
    """Return True if somebody wants to hear of a soft limit that is news."""
    if not account.caps or not wants(notify, Occasion.BUDGET_SOFT):
        return False
    return bool(_news(account, now))


def take(
    account: Account,
    notify: Sequence[NotifySpec],
    *,
    owner: str,
    kind: str,
    team: str,
    now: datetime,
) -> tuple[Account, tuple[Fact, ...]]:
    """Return the facts that are due, and the account in which they are told.

    Args:
        account: Of the owner.
        notify: Whom its declaration names; if they do not want to hear of it, nothing is taken.
        owner: Name of the agent or team.
        kind: Which of the two.
        team: Of an agent.
        now: Aware.
    """
    if not is_due(account, notify, now):
        return account, ()
    keys = keys_at(account, now)
    news = _news(account, now)
    facts = tuple(
        Fact(
            id=f"{kind}:{owner}/{keys[limit.kind]}/{limit.key}/{limit.limit}/soft",
            occasion=Occasion.BUDGET_SOFT,
            agent=owner,
            team=team,
            reason=_words(limit, account.timezone),
            todo=f"rota budget show {shlex.quote(owner)}",
            at=now,
        )
        for limit in news
    )
    for limit in news:
        account = with_told(account, limit.kind, keys[limit.kind], _name(limit))
    return account, facts


def _news(account: Account, now: datetime) -> list[Limit]:
    """Soft limits that are reached, and of which nobody was told in this window."""
    keys = keys_at(account, now)
    return [
        limit
        for limit in limits_of(account, now)
        if limit.is_soft
        and _name(limit) not in tally_of(account, limit.kind, keys[limit.kind]).told
    ]


def _name(limit: Limit) -> str:
    return f"{limit.key} {limit.limit}"


def _words(limit: Limit, timezone: str) -> str:
    spent, cap = (format_amount(limit.dimension, n) for n in (limit.counted, limit.limit))
    return f"{limit.key}: {spent} of {cap} spent; until {format_end(limit.end, timezone)}"
