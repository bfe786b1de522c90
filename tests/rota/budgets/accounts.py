"""Accounts and requests for tests."""

from datetime import UTC, datetime

from rota.budgets import rules
from rota.budgets.reservations import (
    NONE,
    Account,
    Amount,
    Cap,
    Grant,
    HoldEnd,
    HoldRequest,
    WindowKind,
)
from rota.run_ref import RunRef

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
OWNER = "agent report"
TODAY = "2026-11-23"
CENT = 10_000
DOLLAR = 100 * CENT


def run(name: str) -> RunRef:
    """The run of that name."""
    return RunRef(id=f"report-{name}", key=name)


def account(timezone: str = "UTC", **caps: int) -> Account:
    """An account with limits such as `day_micros=1_000_000`."""

    def cap(kind: WindowKind) -> Cap:
        return Cap(micros=caps.get(f"{kind}_micros"), tokens=caps.get(f"{kind}_tokens"))

    limits = {kind: cap(kind) for kind in WindowKind if cap(kind).is_limit}
    return Account(caps=limits, timezone=timezone)


def asks(
    name: str,
    wanted: int | None = None,
    *,
    number: int = 1,
    least: int = 0,
    spent: int = 0,
    unknown: int = 0,
) -> HoldRequest:
    """A run's request for so many micro-dollars."""
    return HoldRequest(
        agent="report",
        run=run(name),
        number=number,
        wanted=Cap(micros=wanted),
        least=Amount(micros=least),
        spent=Amount(micros=spent),
        unknown=Amount(micros=unknown),
    )


def ends(name: str, spent: int, unknown: int = 0) -> HoldEnd:
    """A run's end after so many micro-dollars."""
    return HoldEnd(run=run(name), spent=Amount(micros=spent), unknown=Amount(micros=unknown))


def micros(of: Account, key: str, kind: WindowKind = WindowKind.DAY) -> tuple[int, int]:
    """What is spent, and what is unknown, in that window."""
    tally = next((each for each in of.windows.get(kind, ()) if each.key == key), None)
    spent, unknown = (tally.spent, tally.unknown) if tally else (NONE, NONE)
    return spent.micros, unknown.micros


def hold(of: Account, *names: str, wanted: int = DOLLAR, at: datetime = NOON) -> Account:
    """Let each of the runs reserve as much."""
    for name in names:
        of, grant = rules.hold(of, asks(name, wanted), OWNER, at)
        assert not grant.refused
    return of


def ask(of: Account, name: str, wanted: int | None = None, **more: int) -> tuple[Account, Grant]:
    """Ask as that run."""
    return rules.hold(of, asks(name, wanted, **more), OWNER, NOON)
