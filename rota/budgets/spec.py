"""What an agent, a pipeline or a team may spend, as declared."""

from datetime import timedelta
from enum import StrEnum

from pydantic import Field

from rota.budgets.model_price import ModelPrice
from rota.language.durations import Duration
from rota.model import Declared

MOST_USD = 1_000_000


class OnExceeded(StrEnum):
    """What a run does at a limit of its money, its tokens or its steps."""

    PARK = "park"
    """The step in flight ends, everything is kept, and the run waits until a person raises the
    limit or the window turns; see `BudgetSpec.park_for`."""
    FAIL = "fail"
    SKIP = "skip"
    """It ends as skipped if it has not begun, and fails if it has."""


class Unpriced(StrEnum):
    """What becomes of an agent with a limit in dollars whose model has no price."""

    REFUSE = "refuse"
    ALLOW = "allow"
    """It runs; what it costs is counted nowhere, and shown as unpriced."""


class SoftLimit(Declared):
    """What happens before a limit is reached."""

    at: float = Field(default=0.8, gt=0, lt=1)
    """Share of a limit from which on the cheaper model is asked, and people are told if it is one
    of a day or a month."""
    model: str | None = Field(default=None, min_length=1)
    """A cheaper model of the same runtime, for the turns from then on."""
    price: ModelPrice | None = None
    """What that costs; None: as the price table says."""


class WindowCaps(Declared):
    """Limits that begin anew with each day and month of a time zone."""

    day_usd: float | None = Field(default=None, gt=0, le=MOST_USD)
    day_tokens: int | None = Field(default=None, ge=1)
    month_usd: float | None = Field(default=None, gt=0, le=MOST_USD)
    month_tokens: int | None = Field(default=None, ge=1)


class BudgetSpec(WindowCaps):
    """The `budget` block of an agent. Every limit is checked before a step, never within one."""

    call_usd: float | None = Field(default=None, gt=0, le=MOST_USD)
    """Of one call of a model: one that might cost more is not made."""
    run_usd: float | None = Field(default=None, gt=0, le=MOST_USD)
    """Of a run and all that it hands work to. Providers that enforce a cap are given it."""
    run_tokens: int | None = Field(default=None, ge=1)
    run_steps: int | None = Field(default=None, ge=1)
    """Turns and tool calls."""
    wall_clock: Duration = timedelta(minutes=30)
    timezone: str | None = None
    """Whose days and months; None: the schedule's, else UTC."""
    soft: SoftLimit = Field(default_factory=SoftLimit)
    on_exceeded: OnExceeded = OnExceeded.PARK
    park_for: Duration = Field(default=timedelta(days=3), gt=timedelta(0))
    """How long a parked run waits before it fails."""
    unpriced: Unpriced = Unpriced.REFUSE


class TeamSoftLimit(Declared):
    """What happens before a limit of a team is reached."""

    at: float = Field(default=0.8, gt=0, lt=1)
    """Share of any limit from which on it counts as nearly reached."""


class TeamBudget(WindowCaps):
    """The `budget` block of a team: all of its agents together."""

    timezone: str = "UTC"
    """Whose days and months."""
    soft: TeamSoftLimit = Field(default_factory=TeamSoftLimit)
