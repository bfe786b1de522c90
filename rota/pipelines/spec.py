"""A pipeline as declared: which agents run after which others, when, and what if not."""

from datetime import timedelta
from enum import StrEnum
from operator import not_
from typing import Annotated, Any, Literal, cast

from pydantic import BeforeValidator, Field, WithJsonSchema

from rota.budgets.spec import MOST_USD, OnExceeded
from rota.coordination.spec import Condition, EventName, LimitsSpec, SubscriptionSpec
from rota.hooks.spec import HookSpec
from rota.language.durations import Duration
from rota.language.names import AgentName
from rota.model import Declaration, Declared
from rota.notices.spec import NotifySpec
from rota.pipelines.gates import Gate
from rota.schedule.spec import ScheduleSpec
from rota.watchdog.sla import SlaSpec

MOST_NODES = 1000
MOST_ITEMS = 1000
"""Items of one `for_each`."""


class After(StrEnum):
    """What must have become of another node before this one starts."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    """It failed, was blocked, was cancelled or ran out of time."""
    FINISHED = "finished"
    """It succeeded or failed."""
    ANY = "any"
    """It ended in any way, skipped included."""


def _as_conditions(value: Any) -> Any:
    if isinstance(value, str):
        return {value: After.SUCCEEDED}
    if isinstance(value, list | tuple):
        return dict.fromkeys(cast("list[Any]", value), After.SUCCEEDED)
    return value


Upstreams = Annotated[
    dict[AgentName, After],
    BeforeValidator(_as_conditions),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string"},
                {"type": "array", "items": {"type": "string"}},
                {"type": "object", "additionalProperties": {"enum": [a.value for a in After]}},
            ]
        }
    ),
]
"""`after: [report]`, or with conditions `after: {report: finished, check: failed}`."""


class NodeFailure(Declared):
    """What to do when a node, or what it waits for, has failed."""

    rerun_upstream: int = Field(default=0, ge=0, le=20)
    """How often a failed node that this one waits for is run again. However many nodes
    ask, one re-run serves them all. It is one further run, whatever that node's `attempts`,
    and what somebody cancelled is not run again."""
    backoff: Duration = timedelta(0)
    """Pause before each re-run and before each further attempt."""
    run: AgentName | None = None
    """A node to run when this one has failed for good; it runs then only. Several nodes may
    name the same one: the first failure among them is enough."""


class NodeSpec(Declared):
    """One agent's place in a pipeline."""

    agent: AgentName
    after: Upstreams = Field(default_factory=dict[AgentName, After])
    when: Condition | None = None
    """Run only if this holds, over `input`, `slot` and each node before it: `report.output.total
    > 0`, `report.status == "failed"`. Else the node is skipped."""
    for_each: list[Any] | str | None = None
    """One run per item, the item being `{item}`: a list, or a template that gives one."""
    parallel: int = Field(default=10, ge=1, le=200)
    """Items of `for_each` at work at the same time."""
    not_before: Gate | None = None
    """Start no earlier than this local time of the slot's day, or this long after the slot."""
    deadline: Gate | None = None
    """Be done by this local time, or this long after the slot; else the node is timed out.
    One that had passed before somebody had the slot run, or run again, does not bind."""
    attempts: int = Field(default=1, ge=1, le=20)
    """Runs of the node, or of each item, before it counts as failed. A skipped run is no
    failure, and one that somebody cancelled is not repeated."""
    on_failure: NodeFailure = Field(default_factory=NodeFailure)
    input: dict[str, Any] = Field(default_factory=dict[str, Any])
    """Laid over the agent's own input; templates over `input`, `slot`, `item` and each node
    before it: `{report.output.total}`, `{report.run_id}`, `{report.status}`."""


class PipelineBudget(Declared):
    """What the runs of all nodes together may spend."""

    run_usd: float | None = Field(default=None, gt=0, le=MOST_USD)
    run_tokens: int | None = Field(default=None, ge=1)
    on_exceeded: OnExceeded = OnExceeded.PARK
    """What becomes of the pipeline when a node is due and nothing is left."""
    park_for: Duration = Field(default=timedelta(days=3), gt=timedelta(0))
    """How long it then waits before it fails."""


class PipelineSpec(Declaration):
    """One pipeline."""

    kind: Literal["Pipeline"] = "Pipeline"
    name: AgentName
    team: AgentName = "default"
    description: str = ""
    input: dict[str, Any] = Field(default_factory=dict[str, Any])
    schedule: ScheduleSpec | None = None
    on: tuple[SubscriptionSpec, ...] = ()
    hook: HookSpec | None = Field(default=None, exclude_if=not_)
    """Who may start runs by posting to the gateway's `/hooks/<name>`."""
    emits: tuple[EventName, ...] = ()
    retention: AgentName | None = Field(default=None, exclude_if=not_)
    """Class of `audit.retention` in `fleet.yaml`: how long its archived runs are kept."""
    limits: LimitsSpec = Field(default_factory=LimitsSpec)
    """`parallel`: runs of the pipeline itself at the same time."""
    wall_clock: Duration = timedelta(hours=24)
    """Longest time one run of the pipeline may take."""
    budget: PipelineBudget = Field(default_factory=PipelineBudget)
    notify: tuple[NotifySpec, ...] | None = None
    """Who is told what of its runs; of its nodes', their agents say. None: whom its team names."""
    sla: SlaSpec | None = Field(default=None, exclude_if=not_)
    """By when its runs begin and are done: the Watchdog tells of what is later."""
    nodes: dict[AgentName, NodeSpec] = Field(min_length=1, max_length=MOST_NODES)
