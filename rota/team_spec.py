"""A team as declared, and what its account keeps of the declaration."""

from operator import not_
from typing import Literal

from pydantic import Field

from rota.budgets.reservations import Account, Cap, WindowKind
from rota.budgets.spec import TeamBudget
from rota.language.names import AgentName
from rota.model import Declaration, Record
from rota.notices.spec import NotifySpec
from rota.notices.untold import Untold


class TeamSpec(Declaration):
    """What all agents of a team have in common.

    It holds for the agents of the fleet that declares it.
    """

    kind: Literal["Team"]
    name: AgentName
    """As in `team` of the agents."""
    description: str = ""
    budget: TeamBudget = Field(default_factory=TeamBudget)
    """What they may spend together, each by its own limits, too."""
    notify: tuple[NotifySpec, ...] = ()
    """Who is told what of the team's budget, and of the runs of its agents and pipelines that
    have no `notify` of their own."""


class PinnedTeam(Record):
    """A team's declaration in force."""

    digest: str
    """Content hash of the whole declaration, and its address in the object store."""
    name: str
    description: str = ""
    fleet: str = ""
    window_caps: dict[WindowKind, Cap] = Field(default_factory=dict[WindowKind, Cap])
    timezone: str = "UTC"
    soft_at: float = 0.8
    notify: tuple[NotifySpec, ...] = ()


class TeamAccount(Record):
    """A team's account, as carried across continue-as-new."""

    team: str
    spec: PinnedTeam | None = None
    """The declaration in force; None before the first and after retirement."""
    account: Account = Account()
    untold: tuple[Untold, ...] = Field(default=(), exclude_if=not_)
    """What people could not be told; only while it is carried."""
