"""What workflows need of a declaration; the rest stays in the store under its digest.

Small on purpose: it sits in the keeper's state and in each run's history.
"""

from typing import Any

from pydantic import Field

from rota.agent_spec import AgentSpec, SessionConcurrency
from rota.coordination_spec import LockSpec, NeedSpec
from rota.kinds import Kind
from rota.model import Record
from rota.pipeline_spec import PipelineSpec
from rota.schedule_spec import ScheduleSpec


class PinnedSpec(Record):
    """A declaration in force: an agent's, or a pipeline's."""

    kind: Kind = "Agent"
    digest: str
    """Content hash of the whole declaration, and its address in the object store."""
    name: str
    team: str = "default"
    description: str = ""
    fleet: str = ""
    runtime_kind: str
    """Empty for a pipeline, which does not think."""
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

    @property
    def timezone(self) -> str:
        """The zone that local clock times of the declaration mean."""
        return self.schedule.timezone if self.schedule else "UTC"

    @staticmethod
    def of(spec: AgentSpec | PipelineSpec, *, fleet: str = "") -> "PinnedSpec":
        """Pin `spec` as owned by `fleet`."""
        schedule = spec.schedule
        common: dict[str, Any] = {
            "digest": spec.digest,
            "name": spec.name,
            "team": spec.team,
            "description": spec.description[:200],
            "fleet": fleet,
            "input": spec.input,
            "emits": spec.emits,
            "parallel": spec.limits.parallel,
            "schedule_id": spec.name if schedule else None,
            "schedule": schedule,
            "catchup_policy": schedule.catchup.policy.value if schedule else "latest",
            "jitter_seconds": schedule.jitter.total_seconds() if schedule else 0.0,
        }
        own = _of_agent(spec) if isinstance(spec, AgentSpec) else _of_pipeline(spec)
        return PinnedSpec.model_validate({**common, **own})


def _of_agent(spec: AgentSpec) -> dict[str, Any]:
    return {
        "runtime_kind": spec.runtime.kind,
        "model": spec.runtime.model,
        "max_turns": spec.runtime.max_turns,
        "run_tokens": spec.budget.run_tokens,
        "wall_clock_seconds": spec.budget.wall_clock.total_seconds(),
        "session_key": spec.session.key,
        "session_concurrency": spec.session.concurrency,
        "retry_attempts": spec.retry.attempts,
        "retry_backoff_seconds": spec.retry.backoff.total_seconds(),
        "retry_max_backoff_seconds": spec.retry.max_backoff.total_seconds(),
        "needs": spec.needs,
        "locks": spec.locks,
        "dedupe_key": spec.dedupe.key if spec.dedupe else None,
        "dedupe_keep_seconds": spec.dedupe.keep.total_seconds() if spec.dedupe else 0.0,
        "priority": spec.priority,
        "fairness_key": spec.fairness.key if spec.fairness else None,
        "fairness_weight": spec.fairness.weight if spec.fairness else 1.0,
    }


def _of_pipeline(spec: PipelineSpec) -> dict[str, Any]:
    return {
        "kind": "Pipeline",
        "runtime_kind": "",
        "wall_clock_seconds": spec.wall_clock.total_seconds(),
        # A pipeline keeps no memory: what must not overlap, its schedule and `limits` say.
        "session_concurrency": SessionConcurrency.PARALLEL,
    }
