"""An account in a few lines, for people. Pure."""

from datetime import datetime

from rota.budgets.limits import Limit, format_amount, format_end, limits_of
from rota.budgets.reservations import Account, Amount, WindowKind
from rota.budgets.tallies import keys_at, tally_of
from rota.usage import format_cost

NAMED = 5


def account_lines(account: Account, now: datetime) -> list[str]:
    """What today and this month have come to, what is left of the limits, and who waits.

    Nothing of an account in which nothing was counted, and that limits nothing.
    """
    lines = [_window_line(account, kind, now) for kind in WindowKind]
    lines += [limit_line(limit, account.timezone) for limit in limits_of(account, now)]
    if account.waiting:
        names = ", ".join(each.run.id for each in account.waiting[:NAMED])
        more = ", …" if len(account.waiting) > NAMED else ""
        waiting = f"{count_runs(len(account.waiting))} waiting for room"
        lines.append(f"{waiting}: {names}{more}")
    return [line for line in lines if line]


def count_runs(count: int) -> str:
    """`1 run`, `2 runs`."""
    return f"{count} run{'s'[: count != 1]}"


def limit_line(limit: Limit, timezone: str) -> str:
    """`day_usd: $4.9700 of $5.0000 spent or reserved, soft limit reached, until …`."""
    soft = ", soft limit reached" if limit.is_soft else ""
    return f"{limit.key}: {limit.used} spent or reserved{soft}, until " + format_end(
        limit.end, timezone
    )


def _window_line(account: Account, kind: WindowKind, now: datetime) -> str:
    tally = tally_of(account, kind, keys_at(account, now)[kind])
    if not tally.runs and tally.spent == tally.unknown == Amount():
        return ""
    spent = f"{format_cost(tally.spent.micros)}, {format_amount('tokens', tally.spent.tokens)}"
    unknown = f", and {format_cost(tally.unknown.micros)} unknown" if tally.unknown.micros else ""
    unpriced = f", {tally.unpriced_runs} without a price" if tally.unpriced_runs else ""
    return f"{kind.value} {tally.key}: {spent}{unknown}; {count_runs(tally.runs)}{unpriced}"
