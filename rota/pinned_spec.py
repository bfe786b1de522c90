"""What workflows need of a declaration; the rest stays in the store under its digest.

Small on purpose: it sits in the keeper's state and in each run's history.
"""

from operator import not_
from typing import Any

from pydantic import Field

from rota.agent_spec import AgentSpec, Continuing, SessionConcurrency
from rota.budgets.reservations import Cap, WindowKind
from rota.budgets.spec import BudgetSpec, OnExceeded, WindowCaps
from rota.checks.baseline import BaselineMode
from rota.checks.spec import OnFailure
from rota.checks.verdicts import OUTPUT_SCHEMA
from rota.coordination.spec import LockSpec, NeedSpec
from rota.effects.spec import OnUnknown
from rota.kinds import Kind
from rota.language.durations import Duration
from rota.lost_workers import LOST_AFTER, is_usual
from rota.mcp import MCP_PREFIX
from rota.model import Record
from rota.notices.spec import NotifySpec
from rota.pipelines.spec import PipelineSpec
from rota.schedule.spec import ScheduleSpec
from rota.watchdog.sla import SlaSpec


class Fallback(Record):
    """A runtime that takes over from one that cannot answer."""

    kind: str
    model: str | None = None
    queue: str | None = None


class PinnedSpec(Record):
    """A declaration in force: an agent's, or a pipeline's."""

    kind: Kind = "Agent"
    digest: str
    """Content hash of the whole declaration, and its address in the object store."""
    name: str
    team: str = "default"
    description: str = ""
    fleet: str = ""
    applied_by: str = ""
    """Who put it in force, if that is known: the requester of what its schedule starts."""
    runtime_kind: str
    """Empty for a pipeline, which does not think."""
    model: str | None = None
    runtime_queue: str | None = None
    """Task queue of the runtime's calls; None: the run's own."""
    fallbacks: tuple[Fallback, ...] = ()
    fallback_after: int = 2
    """Attempts at a turn before the next runtime takes over."""
    mcp: bool = False
    """Some of its tools are served by others, and are listed once per run."""
    max_turns: int = 20
    run_tokens: int | None = None
    run_micros: int | None = None
    """Cap on the run's cost in micro-dollars, and on that of all it hands work to."""
    run_steps: int | None = None
    call_micros: int | None = None
    """Cap on the cost of one call of a model."""
    on_exceeded: OnExceeded = OnExceeded.PARK
    """What its runs do at a limit."""
    park_for_seconds: float = 259_200.0
    wall_clock_seconds: float = 1800.0
    session_key: str = "default"
    session_concurrency: SessionConcurrency = SessionConcurrency.QUEUE
    continuing: Continuing = Continuing.NEW
    compact_above: int = 100_000
    baseline: BaselineMode | None = Field(default=None, exclude_if=not_)
    """Who accepts a session's results as its baseline; None: it has none."""
    input: dict[str, Any] = Field(default_factory=dict[str, Any])
    """Declared input; a run lays its own keys over it."""
    emits: tuple[str, ...] = ()
    checks: dict[str, OnFailure] = Field(default_factory=dict[str, OnFailure], exclude_if=not_)
    """What its results are held against, by name, and what a failure means; `output.schema` among
    them, if it declares one."""
    check_seconds: float = Field(default=0.0, exclude_if=not_)
    """How long those may take that run a program, all together."""
    graders: dict[str, str] = Field(default_factory=dict[str, str], exclude_if=not_)
    """Which of `checks` another agent makes, and which agent."""
    retry_attempts: int = 5
    retry_backoff_seconds: float = 2.0
    retry_max_backoff_seconds: float = 120.0
    lost_after: Duration = Field(default=LOST_AFTER, exclude_if=is_usual)
    """How soon a step whose worker is gone begins elsewhere."""
    on_unknown: OnUnknown = OnUnknown.PARK
    """What its runs do if nobody can tell whether an effect happened."""
    schedule_id: str | None = None
    """Set when it has a schedule; equals its name."""
    schedule: ScheduleSpec | None = None
    """The schedule as declared: it tells which slots there are."""
    catchup_policy: str = "latest"
    jitter_seconds: float = 0.0
    needs: tuple[NeedSpec, ...] = ()
    locks: tuple[LockSpec, ...] = ()
    dedupe_key: str | None = None
    dedupe_keep_seconds: float = 0.0
    parallel: int | None = None
    """Runs at work at the same time; None: no limit."""
    priority: int = 3
    fairness_key: str | None = None
    fairness_weight: float = 1.0
    notify: tuple[NotifySpec, ...] = ()
    """Who is told what of its runs."""
    sla: SlaSpec | None = Field(default=None, exclude_if=not_)
    """What the Watchdog holds its runs against."""
    window_caps: dict[WindowKind, Cap] = Field(default_factory=dict[WindowKind, Cap])
    """What all runs of a day, or of a month, may spend."""
    budget_timezone: str = "UTC"
    """Whose days and months."""
    soft_at: float = 0.8
    team_budget: bool = False
    """The team declares a budget: its account is asked, too."""

    @property
    def runtimes(self) -> tuple[Fallback, ...]:
        """The runtime itself and its fallbacks: what `LoopState.runtime` counts."""
        own = Fallback(kind=self.runtime_kind, model=self.model, queue=self.runtime_queue)
        return (own, *self.fallbacks)

    def runtime_label(self, index: int) -> str:
        """What people are told of a runtime: its model; of a fallback its kind and place, too."""
        runtime = self.runtimes[index]
        if index == 0:
            return runtime.model or runtime.kind
        return f"{' '.join(filter(None, (runtime.kind, runtime.model)))} (fallback {index})"

    @property
    def account_team(self) -> str:
        """The team whose account its runs are counted in, too; empty if it has none."""
        return self.team if self.team_budget else ""

    @property
    def timezone(self) -> str:
        """The zone that local clock times of the declaration mean."""
        return self.schedule.timezone if self.schedule else "UTC"

    @staticmethod
    def of(spec: AgentSpec | PipelineSpec, *, fleet: str = "", by: str = "") -> "PinnedSpec":
        """Pin `spec` as owned by `fleet`, put in force by `by`."""
        schedule = spec.schedule
        common: dict[str, Any] = {
            "digest": spec.digest,
            "name": spec.name,
            "team": spec.team,
            "description": spec.description[:200],
            "fleet": fleet,
            "applied_by": by,
            "input": spec.input,
            "emits": spec.emits,
            "parallel": spec.limits.parallel,
            "notify": spec.notify or (),
            "sla": spec.sla,
            "schedule_id": spec.name if schedule else None,
            "schedule": schedule,
            "catchup_policy": schedule.catchup.policy.value if schedule else "latest",
            "jitter_seconds": schedule.jitter.total_seconds() if schedule else 0.0,
        }
        own = _of_agent(spec) if isinstance(spec, AgentSpec) else _of_pipeline(spec)
        return PinnedSpec.model_validate({**common, **own})


def _micros(usd: float | None) -> int | None:
    return None if usd is None else round(usd * 1_000_000)


def _of_agent(spec: AgentSpec) -> dict[str, Any]:
    return {
        "runtime_kind": spec.runtime.kind,
        "model": spec.runtime.model,
        "runtime_queue": spec.runtime.queue,
        "fallbacks": tuple(
            Fallback(kind=runtime.kind, model=runtime.model, queue=runtime.queue)
            for runtime in spec.runtime.chain[1:]
        ),
        "fallback_after": spec.runtime.fallback_after or 2,
        "mcp": any(name.startswith(MCP_PREFIX) for name in spec.tools),
        "max_turns": spec.runtime.max_turns,
        "wall_clock_seconds": spec.budget.wall_clock.total_seconds(),
        **_of_budget(spec.budget, spec.schedule),
        "team_budget": spec.team_budget,
        "checks": {
            **({OUTPUT_SCHEMA: OnFailure.FAIL} if spec.output else {}),
            **{name: check.on_failure for name, check in spec.checks.items()},
        },
        "check_seconds": sum(
            check.timeout.total_seconds() for check in spec.checks.values() if check.command
        ),
        "graders": spec.graders,
        "session_key": spec.session.key,
        "session_concurrency": spec.session.concurrency,
        "continuing": spec.session.continuing,
        "compact_above": spec.session.compact_above,
        "baseline": spec.session.baseline,
        "retry_attempts": spec.retry.attempts,
        "retry_backoff_seconds": spec.retry.backoff.total_seconds(),
        "retry_max_backoff_seconds": spec.retry.max_backoff.total_seconds(),
        "lost_after": spec.retry.lost_after,
        "on_unknown": spec.effects.on_unknown,
        "needs": spec.needs,
        "locks": spec.locks,
        "dedupe_key": spec.dedupe.key if spec.dedupe else None,
        "dedupe_keep_seconds": spec.dedupe.keep.total_seconds() if spec.dedupe else 0.0,
        "priority": spec.priority,
        "fairness_key": spec.fairness.key if spec.fairness else None,
        "fairness_weight": spec.fairness.weight if spec.fairness else 1.0,
    }


def _of_budget(budget: BudgetSpec, schedule: ScheduleSpec | None) -> dict[str, Any]:
    return {
        "run_tokens": budget.run_tokens,
        "run_micros": _micros(budget.run_usd),
        "run_steps": budget.run_steps,
        "call_micros": _micros(budget.call_usd),
        "on_exceeded": budget.on_exceeded,
        "park_for_seconds": budget.park_for.total_seconds(),
        "window_caps": window_caps(budget),
        "budget_timezone": budget.timezone or (schedule.timezone if schedule else "UTC"),
        "soft_at": budget.soft.at,
    }


def window_caps(budget: WindowCaps) -> dict[WindowKind, Cap]:
    """The limits of days and months that are declared."""
    caps = {
        WindowKind.DAY: Cap(micros=_micros(budget.day_usd), tokens=budget.day_tokens),
        WindowKind.MONTH: Cap(micros=_micros(budget.month_usd), tokens=budget.month_tokens),
    }
    return {kind: cap for kind, cap in caps.items() if cap.is_limit}


def _of_pipeline(spec: PipelineSpec) -> dict[str, Any]:
    return {
        "kind": "Pipeline",
        "runtime_kind": "",
        "wall_clock_seconds": spec.wall_clock.total_seconds(),
        "run_tokens": spec.budget.run_tokens,
        "run_micros": _micros(spec.budget.run_usd),
        "on_exceeded": spec.budget.on_exceeded,
        "park_for_seconds": spec.budget.park_for.total_seconds(),
        # A pipeline keeps no memory: what must not overlap, its schedule and `limits` say.
        "session_concurrency": SessionConcurrency.PARALLEL,
    }
