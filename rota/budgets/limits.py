"""The limits of an account as they stand: what is counted, what is reserved, what is left. Pure."""

from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from rota.budgets.reservations import Account, Amount, BudgetRaise, Cap, WindowKind
from rota.budgets.tallies import tally_of
from rota.budgets.windows import window_of
from rota.model import Record
from rota.usage import format_cost

Dimension = Literal["micros", "tokens"]
DIMENSIONS: tuple[Dimension, ...] = ("micros", "tokens")


def amount_of(amount: Amount | BudgetRaise, dimension: Dimension) -> int:
    """The money, or the tokens."""
    return amount.micros if dimension == "micros" else amount.tokens


def cap_of(cap: Cap, dimension: Dimension) -> int | None:
    """The limit on money, or on tokens; None if there is none."""
    return cap.micros if dimension == "micros" else cap.tokens


def limit_key(kind: WindowKind, dimension: Dimension) -> str:
    """As declared: `day_usd`."""
    return f"{kind.value}_{'usd' if dimension == 'micros' else 'tokens'}"


class Limit(Record):
    """One limit of an account."""

    kind: WindowKind
    dimension: Dimension
    limit: int
    """Declared, and raised for this window."""
    counted: int
    """Spent, and unknown."""
    reserved: int
    end: datetime
    """When it begins anew."""
    soft_at: float

    @property
    def key(self) -> str:
        """As declared: `day_usd`."""
        return limit_key(self.kind, self.dimension)

    @property
    def room(self) -> int:
        """What may still be reserved; below nothing if runs spent more than they had."""
        return self.limit - self.counted - self.reserved

    def less(self, amount: int) -> "Limit":
        """The limit with that much more reserved."""
        return self.model_copy(update={"reserved": self.reserved + amount})

    @property
    def is_soft(self) -> bool:
        """True from the soft limit on."""
        return self.counted >= self.soft_at * self.limit

    @property
    def used(self) -> str:
        """`$4.9700 of $5.0000`: what is spent or reserved."""
        amounts = (self.counted + self.reserved, self.limit)
        used, limit = (format_amount(self.dimension, amount) for amount in amounts)
        return f"{used} of {limit}"


def limits_of(account: Account, now: datetime) -> tuple[Limit, ...]:
    """Every limit of the windows that `now` lies in."""
    return tuple(limit for kind in account.caps for limit in _of_window(account, kind, now))


def format_amount(dimension: Dimension, amount: int) -> str:
    """`$4.9700`, or `1,200 tokens`."""
    return format_cost(amount) if dimension == "micros" else f"{amount:,} tokens"


def format_end(end: datetime, timezone: str) -> str:
    """When a window turns, by its own clock: `2026-11-24T00:00+01:00`."""
    return end.astimezone(ZoneInfo(timezone)).isoformat(timespec="minutes")


def _of_window(account: Account, kind: WindowKind, now: datetime) -> list[Limit]:
    window = window_of(kind, account.timezone, now)
    tally = tally_of(account, kind, window.key)
    held = [hold.amount for hold in account.holds.values() if hold.windows.get(kind) == window.key]
    counted = tally.spent.plus(tally.unknown)
    return [
        Limit(
            kind=kind,
            dimension=dimension,
            limit=declared + amount_of(tally.raised, dimension),
            counted=amount_of(counted, dimension),
            reserved=sum(amount_of(amount, dimension) for amount in held),
            end=window.end,
            soft_at=account.soft_at,
        )
        for dimension in DIMENSIONS
        if (declared := cap_of(account.caps[kind], dimension)) is not None
    ]
