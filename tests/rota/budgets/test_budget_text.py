"""An account in lines for people."""

from rota.budgets import rules
from rota.budgets.reservations import Account, Amount, HoldEnd
from rota.budgets.text import account_lines
from tests.rota.budgets.accounts import NOON, OWNER, account, asks, ends, run

DOLLAR = 1_000_000


def test_account_of_nothing_says_nothing() -> None:
    """An agent that never ran has no line about money."""
    assert account_lines(Account(), NOON) == []


def test_account_tells_sums_limits_and_who_waits() -> None:
    """What is known, what is not, what has no price, what is left, and for whom it is not."""
    told = account("Europe/Berlin", day_micros=DOLLAR)
    told, _ = rules.hold(told, asks("a", DOLLAR), OWNER, NOON)
    told = rules.end(told, ends("a", DOLLAR // 2, DOLLAR // 10), NOON)
    unpriced = HoldEnd(run=run("b"), spent=Amount(tokens=1500), unpriced=True)
    told = rules.end(told, unpriced, NOON)
    for number in range(6):
        told, _ = rules.hold(told, asks(f"w{number}", least=DOLLAR), OWNER, NOON)
    spent = "$0.5000, 1,500 tokens, and $0.1000 unknown; 2 runs, 1 without a price"
    assert account_lines(told, NOON) == [
        f"day 2026-11-23: {spent}",
        f"month 2026-11: {spent}",
        "day_usd: $0.6000 of $1.0000 spent or reserved, until 2026-11-24T00:00+01:00",
        "6 runs waiting for room: report-w0, report-w1, report-w2, report-w3, report-w4, …",
    ]
