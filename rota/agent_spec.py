"""An agent as declared: the one model behind the YAML, the JSON Schema and the plan."""

import re
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from rota.durations import Duration
from rota.model import Declared, Record, content_digest
from rota.schedule_spec import ScheduleSpec

NAME_PATTERN = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"
INSTRUCTIONS_LIMIT = 2 * 1024 * 1024
"""Bytes of instructions: twice what any current model can read."""


def _name(value: str) -> str:
    if not re.fullmatch(NAME_PATTERN, value) or len(value) > 60:
        raise ValueError(
            f"'{value}' is not a name: lower-case letters, digits and single hyphens, "
            "at most 60 characters, for example nightly-report"
        )
    return value


AgentName = Annotated[str, AfterValidator(_name)]


class RuntimeSpec(BaseModel):
    """Who does the thinking.

    Keys beyond these belong to the runtime of that kind, which checks them with its own
    model (`activities.runtimes`).
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    kind: str
    model: str | None = None
    max_turns: int = Field(default=20, ge=1, le=1000)

    @property
    def settings(self) -> dict[str, Any]:
        """The whole block as plain JSON, what was left out left out."""
        return self.model_dump(mode="json", exclude_none=True)


class SessionConcurrency(StrEnum):
    """What a run does when another one holds its session."""

    QUEUE = "queue"
    SKIP = "skip"
    PARALLEL = "parallel"


class SessionSpec(Declared):
    """State across runs, one session per key."""

    key: str = "default"
    """Text or a template over the input: `{input.account}`."""
    concurrency: SessionConcurrency = SessionConcurrency.QUEUE


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


class BudgetSpec(Declared):
    """Limits of one run, checked before each step."""

    run_tokens: int | None = Field(default=None, ge=1)
    wall_clock: Duration = timedelta(minutes=30)


class AgentSpec(Declared):
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
    schedule: ScheduleSpec | None = None
    session: SessionSpec = Field(default_factory=SessionSpec)
    emits: tuple[str, ...] = ()
    budget: BudgetSpec = Field(default_factory=BudgetSpec)
    retry: RetrySpec = Field(default_factory=RetrySpec)

    @property
    def document(self) -> dict[str, Any]:
        """The declaration as plain JSON, defaults filled in."""
        return self.model_dump(mode="json", by_alias=True)

    @property
    def digest(self) -> str:
        """Content hash of the declaration: equal digests mean equal behaviour."""
        return content_digest(self.document)


class PinnedSpec(Record):
    """What a workflow needs of a declaration; the rest stays in the store under `digest`.

    Small on purpose: it sits in the keeper's state and in each run's history.
    """

    digest: str
    """Content hash of the whole declaration, and its address in the object store."""
    name: str
    team: str = "default"
    description: str = ""
    fleet: str = ""
    runtime_kind: str
    model: str | None = None
    max_turns: int = 20
    run_tokens: int | None = None
    wall_clock_seconds: float = 1800.0
    session_key: str = "default"
    session_concurrency: SessionConcurrency = SessionConcurrency.QUEUE
    input: dict[str, Any] = Field(default_factory=dict[str, Any])
    """Declared input; a run lays its own keys over it."""
    emits: tuple[str, ...] = ()
    retry_attempts: int = 5
    retry_backoff_seconds: float = 2.0
    retry_max_backoff_seconds: float = 120.0
    schedule_id: str | None = None
    """Set when the agent has a schedule; equals the agent's name."""
    catchup_policy: str = "latest"
    jitter_seconds: float = 0.0

    @staticmethod
    def of(spec: AgentSpec, *, fleet: str = "") -> "PinnedSpec":
        """Pin `spec` as owned by `fleet`."""
        schedule = spec.schedule
        return PinnedSpec(
            digest=spec.digest,
            name=spec.name,
            team=spec.team,
            description=spec.description[:200],
            fleet=fleet,
            runtime_kind=spec.runtime.kind,
            model=spec.runtime.model,
            max_turns=spec.runtime.max_turns,
            run_tokens=spec.budget.run_tokens,
            wall_clock_seconds=spec.budget.wall_clock.total_seconds(),
            session_key=spec.session.key,
            session_concurrency=spec.session.concurrency,
            input=spec.input,
            emits=spec.emits,
            retry_attempts=spec.retry.attempts,
            retry_backoff_seconds=spec.retry.backoff.total_seconds(),
            retry_max_backoff_seconds=spec.retry.max_backoff.total_seconds(),
            schedule_id=spec.name if schedule else None,
            catchup_policy=schedule.catchup.policy.value if schedule else "latest",
            jitter_seconds=schedule.jitter.total_seconds() if schedule else 0.0,
        )
