"""What a keeper tells whoever asks for metrics: sums, limits, what is open now. Pure.

Small, whatever the keeper knows: a thousand of them are asked every quarter of a minute.
"""

from collections import Counter
from datetime import datetime

from pydantic import Field

from rota.budgets.limits import Dimension, limits_of
from rota.budgets.reservations import Account, WindowKind
from rota.budgets.tallies import tally_of
from rota.budgets.windows import window_of
from rota.keepers.state import KeeperState
from rota.kinds import Kind
from rota.metrics.totals import Totals
from rota.model import Record, is_empty
from rota.runs import RunStatus

DESCRIPTION_LIMIT = 200
"""Characters of a description: a line for people."""


class LimitReading(Record):
    """A limit of the window that runs now."""

    window: WindowKind
    dimension: Dimension
    limit: int
    """Declared, and raised for this window; micro-dollars or tokens."""
    left: int
    """What may still be reserved; below nothing if runs spent more than they had."""


class AccountReading(Record):
    """An account now: an agent's, or a team's."""

    spent: dict[WindowKind, int] = Field(default_factory=dict[WindowKind, int])
    """Micro-dollars that are known to be spent in the window that runs now."""
    ends: dict[WindowKind, datetime] = Field(default_factory=dict[WindowKind, datetime])
    """When that window ends, and the next begins with nothing spent."""
    limits: tuple[LimitReading, ...] = ()
    waiting: int = 0
    """Runs that were refused, and wait for room."""

    @staticmethod
    def of(account: Account, now: datetime) -> "AccountReading":
        """Read `account`."""
        windows = {kind: window_of(kind, account.timezone, now) for kind in WindowKind}
        return AccountReading(
            spent={
                kind: tally_of(account, kind, window.key).spent.micros
                for kind, window in windows.items()
            },
            ends={kind: window.end for kind, window in windows.items()},
            limits=tuple(
                LimitReading(
                    window=each.kind, dimension=each.dimension, limit=each.limit, left=each.room
                )
                for each in limits_of(account, now)
            ),
            waiting=len(account.waiting),
        )


class KeeperReading(Record):
    """One agent, or pipeline, now."""

    kind: Kind = "Agent"
    team: str = ""
    description: str = Field(default="", exclude_if=is_empty)
    """The beginning of the declared one."""
    runtime: str = ""
    """Kind of the declared one."""
    model: str = ""
    """Declared; empty where the provider chooses, or nobody is asked."""
    runtimes: tuple[str, ...] = ()
    """Kinds of the runtime and its fallbacks."""
    totals: Totals = Totals()
    account: AccountReading = AccountReading()
    open: dict[RunStatus, int] = Field(default_factory=dict[RunStatus, int])
    """Runs that have not ended, as the ledger has them: at work, or queued."""
    oldest_open: datetime | None = None
    """When the oldest of those presented itself."""
    unknown_effects: int = 0
    """Effects of which nobody knows whether they happened."""
    frozen: bool = False
    blocked: int = 0
    """Reasons why its newest runs could not work."""

    @staticmethod
    def of(state: KeeperState, now: datetime) -> "KeeperReading":
        """Read `state`."""
        spec = state.spec or state.retired
        entries = [each for each in state.ledger.values() if not each.status.closed]
        return KeeperReading(
            kind=spec.kind if spec else "Agent",
            team=spec.team if spec else "",
            description=spec.description[:DESCRIPTION_LIMIT] if spec else "",
            runtime=spec.runtime_kind if spec else "",
            model=(spec.model or "") if spec else "",
            runtimes=tuple(each.kind for each in spec.runtimes if each.kind) if spec else (),
            totals=state.totals,
            account=AccountReading.of(state.account, now),
            open=dict(Counter(each.status for each in entries)),
            oldest_open=min((each.admitted_at for each in entries), default=None),
            unknown_effects=len({each.key for each in state.open_effects}),
            frozen=state.freeze is not None,
            blocked=len(state.blocked),
        )
