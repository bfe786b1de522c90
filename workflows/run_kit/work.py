"""A run at work: what each of its steps is told."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypedDict

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from rota.budgets.reservations import Cap
    from rota.budgets.spending import allowance, at_stake, room
    from rota.keepers.admission import Admission, Admitted, RunRef
    from rota.pinned_spec import PinnedSpec
    from rota.turns.limits import Limits
    from rota.turns.loop import LoopState
    from rota.turns.outcome import RunOrigin
    from workflows.run_kit.clock import RunClock


class StepFields(TypedDict):
    """The part every step's input has in common."""

    agent: str
    run: RunRef
    context: str
    head: str | None
    pins: str | None
    attempts: int
    backoff_seconds: float
    max_backoff_seconds: float


@dataclass(frozen=True)
class RunWork:
    """A run between two steps."""

    origin: RunOrigin
    admitted: Admitted
    loop: LoopState
    clock: RunClock
    limits: Limits
    soft: bool = False
    """A soft limit is reached."""

    @property
    def deadline(self) -> datetime:
        """When the run must have ended, as far as can be told now."""
        return self.clock.deadline

    @property
    def admission(self) -> Admission:
        """What the keeper said."""
        return self.admitted.admission

    @property
    def spec(self) -> PinnedSpec:
        """The declaration the run was admitted with."""
        return self.admission.spec

    @property
    def room(self) -> Cap:
        """What the run may still spend."""
        return room(self.limits, self.loop.tree)

    @property
    def at_stake(self) -> Cap:
        """What its session may have spent at most, should nobody tell."""
        return at_stake(self.limits, self.loop.tree)

    @property
    def allowance(self) -> Cap:
        """What the next call of a model may come to at most."""
        return allowance(self.limits, self.loop.tree)

    @property
    def remaining(self) -> timedelta:
        """How long the run may still work."""
        return self.deadline - workflow.now()

    def step_fields(self) -> StepFields:
        """The common part of a step's input."""
        spec = self.spec
        return {
            "agent": self.origin.agent,
            "run": self.origin.run,
            "context": self.admitted.context,
            "head": self.loop.head,
            "pins": self.loop.pins,
            "attempts": max(2, spec.retry_attempts),
            "backoff_seconds": spec.retry_backoff_seconds,
            "max_backoff_seconds": spec.retry_max_backoff_seconds,
        }
