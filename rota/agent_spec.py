"""An agent as declared: the one model behind the YAML, the JSON Schema and the plan."""

from datetime import timedelta
from enum import StrEnum
from operator import not_
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from rota.approvals.spec import Approvals, Rule, ToolPattern
from rota.budgets.spec import BudgetSpec
from rota.checks.baseline import BaselineMode
from rota.checks.spec import CheckName, Checks, CheckSpec
from rota.coordination.spec import (
    AcceptsSpec,
    Dedupe,
    EventName,
    FairnessSpec,
    HandoffTarget,
    Lock,
    NeedSpec,
    SubscriptionSpec,
)
from rota.effects.spec import EffectsSpec
from rota.hooks.spec import HookSpec
from rota.language.durations import Duration
from rota.language.names import AgentName
from rota.lost_workers import LONGEST_LOST_AFTER, LOST_AFTER, is_usual
from rota.model import Declaration, Declared, is_false
from rota.notices.spec import NotifySpec
from rota.schedule.spec import ScheduleSpec
from rota.tool_limits import AgentLimits
from rota.watchdog.sla import SlaSpec

INSTRUCTIONS_LIMIT = 2 * 1024 * 1024
"""Bytes of instructions: twice what any current model can read."""


class RuntimeSpec(BaseModel):
    """Who does the thinking.

    Keys beyond these belong to the runtime of that kind, which checks them with its own
    model (`activities.runtimes`).
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    kind: str
    model: str | None = None
    max_turns: int = Field(default=20, ge=1, le=1000)
    queue: str | None = None
    fallback: tuple[dict[str, Any], ...] | None = None
    """Runtime blocks that take over, in order; each as its own kind reads it."""
    fallback_after: int | None = None

    @property
    def chain(self) -> tuple["RuntimeSpec", ...]:
        """The runtime itself and its fallbacks: what `TurnInput.runtime` counts."""
        return (self, *(RuntimeSpec.model_validate(block) for block in self.fallback or ()))

    @property
    def settings(self) -> dict[str, Any]:
        """The whole block as plain JSON: the keys named here left out where they are null.

        Not those of its own kind, where null may differ from what is meant by leaving out.
        """
        block = self.model_dump(mode="json")
        return {
            key: value
            for key, value in block.items()
            if value is not None or key not in type(self).model_fields
        }


class SessionConcurrency(StrEnum):
    """What a run does when another one holds its session."""

    QUEUE = "queue"
    SKIP = "skip"
    PARALLEL = "parallel"


class Continuing(StrEnum):
    """With which conversation a run of the session begins."""

    NEW = "new"
    """With an empty one: only memory is carried over."""
    SAME = "same"
    """With that of the last run that succeeded."""


class SessionSpec(Declared):
    """State across runs, one session per key."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    key: str = "default"
    """Text or a template over the input: `{input.account}`."""
    concurrency: SessionConcurrency = SessionConcurrency.QUEUE
    continuing: Continuing = Field(default=Continuing.NEW, alias="continue")
    compact_above: int = Field(default=100_000, ge=1000)
    """Tokens from which on a conversation is summed up before a run goes on with it."""
    baseline: BaselineMode | None = Field(default=None, exclude_if=not_)
    """Who accepts results for later runs to compare with; None: no baseline is kept."""


class OutputSpec(Declared):
    """What the result must look like."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    json_schema: dict[str, Any] = Field(alias="schema")
    """JSON Schema (2020-12); in YAML the schema itself, or a file by its path in the fleet."""


class RetrySpec(Declared):
    """How often a failed step is tried again. Provider-given delays win over these."""

    attempts: int = Field(default=5, ge=1, le=100)
    backoff: Duration = timedelta(seconds=2)
    max_backoff: Duration = timedelta(minutes=2)
    lost_after: Duration = Field(
        default=LOST_AFTER, ge=LOST_AFTER, le=LONGEST_LOST_AFTER, exclude_if=is_usual
    )
    """How soon a step whose worker is gone begins elsewhere. The longer, the fewer heartbeats."""


class AgentSpec(Declaration):
    """One agent. `instructions` and `output.schema` hold the text itself, files resolved."""

    kind: Literal["Agent"] = "Agent"
    name: AgentName
    team: AgentName = "default"
    description: str = ""
    runtime: RuntimeSpec
    instructions: str = ""
    input: dict[str, Any] = Field(default_factory=dict[str, Any])
    tools: tuple[str, ...] = ()
    output: OutputSpec | None = None
    checks: Checks = Field(default_factory=dict[CheckName, CheckSpec], exclude_if=not_)
    """What results are expected to be, beyond their schema, by name."""
    retention: AgentName | None = Field(default=None, exclude_if=not_)
    """Class of `audit.retention` in `fleet.yaml`: how long its archived runs are kept."""
    schedule: ScheduleSpec | None = None
    session: SessionSpec = Field(default_factory=SessionSpec)
    accepts: AcceptsSpec | None = None
    dedupe: Dedupe | None = None
    needs: tuple[NeedSpec, ...] = ()
    on: tuple[SubscriptionSpec, ...] = ()
    hook: HookSpec | None = Field(default=None, exclude_if=not_)
    """Who may start runs by posting to the gateway's `/hooks/<name>`."""
    emits: tuple[EventName, ...] = ()
    locks: tuple[Lock, ...] = ()
    limits: AgentLimits = Field(default_factory=AgentLimits)
    priority: int = Field(default=3, ge=1, le=5)
    """Order among waiting steps of all agents: 1 first, 5 last."""
    fairness: FairnessSpec | None = None
    budget: BudgetSpec = Field(default_factory=BudgetSpec)
    retry: RetrySpec = Field(default_factory=RetrySpec)
    effects: EffectsSpec = Field(default_factory=EffectsSpec)
    approvals: Approvals = Field(default_factory=dict[ToolPattern, Rule])
    """Tool calls that a person decides on first, by the tools' names."""
    notify: tuple[NotifySpec, ...] | None = None
    """Who is told what of its runs. None: whom its team names."""
    sla: SlaSpec | None = Field(default=None, exclude_if=not_)
    """By when its runs begin and are done: the Watchdog tells of what is later."""
    team_budget: bool = False
    """Filled in when the fleet is loaded, never written by hand: the team declares a budget."""
    team_usd: bool = Field(default=False, exclude_if=is_false)
    """Likewise: that budget has a limit in dollars, under which nothing without a price is run."""
    handoffs: dict[str, HandoffTarget] = Field(default_factory=dict[str, HandoffTarget])
    """Filled in when the fleet is loaded, never written by hand: what the model is told of
    each agent among its tools. So the declaration changes when one of those does."""

    @property
    def graders(self) -> dict[str, str]:
        """The checks that other agents make, and which."""
        return {name: check.agent for name, check in self.checks.items() if check.agent}
