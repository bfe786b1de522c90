"""How much a run is given: what it needs, as far as that is known, or what is left. Pure."""

from collections.abc import Sequence
from math import ceil

from rota.budgets.limits import Dimension, Limit, amount_of, cap_of
from rota.budgets.reservations import Account, Amount, HoldRequest

TYPICAL_SHARE = 95
"""Percent of the runs before whose cost a reservation without a limit of its own covers."""
FIRST_SHARE = 10
"""A run of which nothing is known reserves a tenth of the smallest limit."""


def wanted_of(account: Account, request: HoldRequest, limits: Sequence[Limit]) -> Amount:
    """What the run says it needs, else what such runs cost, else a share of the limit."""
    micros = _one(account, request, limits, "micros")
    tokens = _one(account, request, limits, "tokens")
    return larger(request.least, Amount(micros=micros, tokens=tokens))


def _one(
    account: Account, request: HoldRequest, limits: Sequence[Limit], dimension: Dimension
) -> int:
    wanted = cap_of(request.wanted, dimension)
    if wanted is not None:
        return wanted
    costs = sorted(amount_of(each, dimension) for each in account.typical)
    typical = costs[ceil(len(costs) * TYPICAL_SHARE / 100) - 1] if costs else 0
    own = [each.limit for each in limits if each.dimension == dimension]
    return typical or (min(own) // FIRST_SHARE if own else 0)


def what_is_left(wanted: Amount, limits: Sequence[Limit]) -> Amount:
    """What there is of it."""
    for each in limits:
        if each.room < amount_of(wanted, each.dimension):
            wanted = wanted.model_copy(update={each.dimension: each.room})
    return wanted


def at_least(least: Amount, dimension: Dimension) -> int:
    """The least that is of use: with nothing at all no run can begin, whatever it asks for."""
    return max(1, amount_of(least, dimension))


def larger(one: Amount, other: Amount) -> Amount:
    """Of each the larger one."""
    return Amount(micros=max(one.micros, other.micros), tokens=max(one.tokens, other.tokens))
