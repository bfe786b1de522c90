"""What people give an account on top of its limits, for one window. Pure.

Whoever sends it, a command or an update of somebody's own: what gives nothing is refused, since
it would stand in the account as if it had given something.
"""

from datetime import datetime

from rota.budgets.limits import DIMENSIONS, amount_of, cap_of, limit_key
from rota.budgets.reservations import Account, BudgetRaise, Cap
from rota.budgets.tallies import keys_at, was_raised, with_raise


class RaiseRefusedError(ValueError):
    """The raise gives nothing; the message says what to do."""


def give(account: Account, given: BudgetRaise, owner: str, now: datetime) -> Account:
    """Raise limits of the window that `now` lies in. Repeating it changes nothing.

    Raises:
        RaiseRefusedError: there is no such limit, or the raise gives nothing.
    """
    if given.id and was_raised(account, given.id):
        return account
    if problem := _of_no_use(given):
        raise RaiseRefusedError(problem)
    kind = given.window
    if kind is None:
        raise RaiseRefusedError(f"which limit of {owner}: that of the day, or of the month?")
    cap = account.caps.get(kind, Cap())
    for dimension in DIMENSIONS:
        if amount_of(given, dimension) and cap_of(cap, dimension) is None:
            key = limit_key(kind, dimension)
            raise RaiseRefusedError(f"{owner} has no {key}: there is nothing to raise")
    return with_raise(account, kind, keys_at(account, now)[kind], given)


def _of_no_use(given: BudgetRaise) -> str:
    """Why no account can count a raise; empty if one can."""
    if not given.id:
        return "give the raise an id of its own: the next without one would be taken for it"
    if given.steps:
        return "days and months count no steps: give micros or tokens"
    if min(given.micros, given.tokens) < 0:
        return "a limit is raised, never lowered: give amounts above nothing"
    return "" if given.micros or given.tokens else "give micros or tokens, above nothing"
