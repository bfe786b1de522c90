"""Reservations of money and tokens: what a run asks for, what it is granted, what it spent.

Records alone. The agent's keeper keeps one `Account` (day and month), and the workflow
`Budget` one for each team that declares a budget; both by the rules of `rota.budgets.rules`.

A run reserves with its admission what it may need (its own limit, or what such runs cost
before), and asks again, with the next number, when that is used up. It tells its whole use
each time, and at its end; what is new is counted in the window in which it was reserved. A run
that was refused is sent the signal `budget_raised`, with its own `RunRef`, by the account that
may have room for it now.
"""

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from rota.model import Record, StepResult
from rota.run_ref import RunRef


class Amount(Record):
    """Money and tokens."""

    micros: int = 0
    """Micro-dollars."""
    tokens: int = 0

    def plus(self, other: "Amount") -> "Amount":
        """Return the sum of both."""
        return Amount(micros=self.micros + other.micros, tokens=self.tokens + other.tokens)

    def minus(self, other: "Amount") -> "Amount":
        """Return the difference; it may be below nothing."""
        return Amount(micros=self.micros - other.micros, tokens=self.tokens - other.tokens)

    def beyond(self, other: "Amount") -> "Amount":
        """Return what is more than `other`; nothing where it is less."""
        more = self.minus(other)
        return Amount(micros=max(0, more.micros), tokens=max(0, more.tokens))


class Cap(Record):
    """At most so much; None is without limit."""

    micros: int | None = None
    tokens: int | None = None

    @property
    def is_limit(self) -> bool:
        """True if it limits anything."""
        return self.micros is not None or self.tokens is not None

    def smaller(self, other: "Cap") -> "Cap":
        """Return what both allow."""
        return Cap(
            micros=_smaller(self.micros, other.micros), tokens=_smaller(self.tokens, other.tokens)
        )


def _smaller(one: int | None, other: int | None) -> int | None:
    return min((each for each in (one, other) if each is not None), default=None)


NONE = Amount()
"""No money and no tokens."""

NOTHING = Cap(micros=0, tokens=0)
"""As what is wanted: the run gives back what it has."""


class WindowKind(StrEnum):
    """Which windows begin anew by themselves."""

    DAY = "day"
    MONTH = "month"


class Grant(StepResult):
    """What a run may spend until it asks again."""

    number: int = 1
    """Counts the reservations of a run, from 1."""
    room: Cap = Cap()
    """What is reserved where an account has a limit, the smallest over all accounts asked; None
    where none has one."""
    reserved: Amount = Amount()
    """What the agent's account counts as reserved, limit or not: what the run asked for, or
    what such runs cost before."""
    refused: str = ""
    """Why there is less than the least that was asked for, and by whom; empty if there is not:
    `day_usd of agent report: $4.97 of $5.00 spent or reserved until 2026-11-24T00:00+01:00`.
    Nothing is reserved then, and `budget_raised` follows when there may be room."""
    cure: str = ""
    """The command that mends it."""
    until: datetime | None = None
    """When it is worth asking again without that signal: the window that refused turns."""
    soft: bool = False
    """A soft limit is reached."""


class HoldRequest(Record):
    """A run asks for a reservation. Idempotent by `run.key` and `number`.

    It ends the run's reservation before this one. One that is refused reserves nothing, and
    may be asked for again with the same number.
    """

    agent: str
    run: RunRef
    number: int = 1
    wanted: Cap = Cap()
    """What it may need from here on; None: whatever such runs cost before. `NOTHING`: it gives
    back what it has and waits for no room, as a run that is parked for another reason does."""
    least: Amount = Amount()
    """Less than this is of no use to it."""
    spent: Amount = Amount()
    """By the run itself, from its beginning: what was told before is not counted again."""
    unknown: Amount = Amount()
    """What lost attempts may have cost beyond that, from its beginning."""


class HoldEnd(Record):
    """A run has done. Idempotent by `run.key`."""

    run: RunRef
    spent: Amount = Amount()
    """By the run itself, from its beginning."""
    unknown: Amount = Amount()
    """What lost attempts may have cost beyond that."""
    unpriced: bool = False
    """Some of what it used has no price."""


class BudgetRaise(Record):
    """A person gives more, for one window or one run. Idempotent by `id`."""

    id: str
    window: WindowKind | None = None
    """Of an account; None: of the run itself."""
    micros: int = 0
    tokens: int = 0
    steps: int = 0
    by: str = ""
    reason: str = ""


class Hold(Record):
    """A run's newest reservation."""

    run: RunRef
    agent: str = ""
    number: int = 1
    granted: bool = True
    """False: it was refused, or given back, and is asked for again with the same number."""
    amount: Amount
    windows: dict[WindowKind, str] = Field(default_factory=dict[WindowKind, str])
    """Key of the window it counts in: `2026-11-23`, `2026-11`."""
    spent: Amount = Amount()
    """What the run had told of before, and what was counted then."""
    unknown: Amount = Amount()
    at: datetime


class Waiter(Record):
    """A run that was refused, and is told when there may be room."""

    run: RunRef
    least: Amount
    wanted: Amount


class Tally(Record):
    """One window of an account."""

    key: str
    spent: Amount = Amount()
    unknown: Amount = Amount()
    """What lost attempts, and runs that were lost, may have cost. Counts against the cap."""
    unpriced_runs: int = 0
    runs: int = 0
    raised: Amount = Amount()
    """What people gave on top, for this window alone."""
    raises: tuple[BudgetRaise, ...] = ()
    told: tuple[str, ...] = ()
    """Limits of which people were told that they are nearly reached, each as it stood then:
    `day_usd 5000000`."""


class Account(Record):
    """What one owner has spent and reserved."""

    caps: dict[WindowKind, Cap] = Field(default_factory=dict[WindowKind, Cap])
    timezone: str = "UTC"
    soft_at: float = 0.8
    windows: dict[WindowKind, tuple[Tally, ...]] = Field(
        default_factory=dict[WindowKind, tuple[Tally, ...]]
    )
    """The newest ones, oldest first: 62 days, 24 months."""
    holds: dict[str, Hold] = Field(default_factory=dict[str, Hold])
    """By the run's key."""
    waiting: tuple[Waiter, ...] = ()
    """In the order in which they were refused."""
    ended: tuple[str, ...] = ()
    """Keys of the newest runs that have ended, at most 500: whatever comes later from one of
    them counts nothing."""
    typical: tuple[Amount, ...] = ()
    """What the newest runs cost, at most 50: what one without a limit of its own reserves."""
