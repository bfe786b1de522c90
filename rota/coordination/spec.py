"""The parts of a declaration that tie agents together: needs, events, keys, locks, limits."""

import re
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field

from rota.language.conditions import readable_condition
from rota.language.durations import Duration
from rota.language.names import AgentName
from rota.model import Declared
from rota.pipelines.gates import Gate

EVENT_PATTERN = r"[a-z][a-z0-9_-]*(\.[a-z0-9_-]+)*"
LOCK_PATTERN = r"[a-z][a-z0-9]*(-[a-z0-9]+)*"


def _event(value: str) -> str:
    if not re.fullmatch(EVENT_PATTERN, value) or len(value) > 100:
        raise ValueError(
            f"'{value}' is not an event: lower-case words joined by dots, at most 100 "
            "characters, for example reconciliation.completed"
        )
    return value


def _lock(value: str) -> str:
    if not re.fullmatch(LOCK_PATTERN, value) or len(value) > 60:
        raise ValueError(
            f"'{value}' is not a lock: lower-case letters, digits and single hyphens, at most "
            "60 characters, for example general-ledger"
        )
    return value


EventName = Annotated[str, AfterValidator(_event)]
LockName = Annotated[str, AfterValidator(_lock)]
Condition = Annotated[str, AfterValidator(readable_condition)]
"""A comparison such as `payload.amount > 1000`; see `rota.language.conditions`."""


class Otherwise(StrEnum):
    """What a run does when what it needs has not come."""

    FAIL = "fail"
    SKIP = "skip"
    USE_LAST = "use_last"
    """Work with the newest result there is, however old; fail if there is none."""


class NeedFailure(Declared):
    """What to do when the upstream slot has failed."""

    rerun: int = Field(default=0, ge=0, le=20)
    """How often to have it run again. However many wait, one re-run serves them all."""
    backoff: Duration = timedelta(minutes=5)
    """Pause before each re-run."""


class NeedSpec(Declared):
    """Another agent's result that must be there first, matched by slot."""

    agent: AgentName
    within: Duration = timedelta(hours=24)
    """How much older than the run's own slot the upstream's slot may be."""
    not_before: Gate | None = None
    """Do not work earlier than this local time of the slot's day, or this long after it."""
    deadline: Gate = timedelta(hours=1)
    """Wait no longer than this local time of the slot's day, or this long after it."""
    on_failure: NeedFailure = Field(default_factory=NeedFailure)
    otherwise: Otherwise = Otherwise.FAIL


class SubscriptionSpec(Declared):
    """An event that starts a run."""

    event: EventName
    filter: Condition | None = None
    """Deliver only events for which this holds, over `event` and `payload`."""
    input: dict[str, Any] | None = None
    """Input of the run, templates over `event` and `payload`. None: `{"event": {id, name,
    at, payload}}`."""


class DedupeSpec(Declared):
    """One run per key, whatever starts it."""

    key: str = Field(min_length=1)
    """Template over the input: `{input.repo}@{input.sha}`."""
    keep: Duration = timedelta(days=90)
    """How long a finished key is remembered."""


def _as_dedupe(value: Any) -> Any:
    return {"key": value} if isinstance(value, str) else value


Dedupe = Annotated[DedupeSpec, BeforeValidator(_as_dedupe)]
"""`dedupe: "{input.sha}"` or `dedupe: {key: ..., keep: 30d}`."""


class LockSpec(Declared):
    """A resource that one run at a time may use, across all agents."""

    name: LockName
    wait: Duration = timedelta(hours=1)
    """How long to wait for it before the run fails."""


def _as_lock(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


Lock = Annotated[LockSpec, BeforeValidator(_as_lock)]
"""`locks: [general-ledger]` or `locks: [{name: general-ledger, wait: 10m}]`."""


class LimitsSpec(Declared):
    """How much of an agent may happen at once."""

    parallel: int | None = Field(default=None, ge=1, le=1000)
    """Runs at work at the same time; the rest wait in order. None: no limit."""


class FairnessSpec(Declared):
    """A share of the workers, so that one customer's burst does not starve the others."""

    key: str = Field(min_length=1)
    """Template over the input: `{input.customer}`; at most 64 bytes once filled."""
    weight: float = Field(default=1.0, ge=0.001, le=1000.0)


class AcceptsSpec(Declared):
    """What a run's input must look like."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    json_schema: dict[str, Any] = Field(alias="schema")
    """JSON Schema (2020-12); in YAML the schema itself, or a file by its path in the fleet.
    It is also what another agent's model is shown of this agent as a tool."""


class HandoffTarget(Declared):
    """What an agent's model is told of another agent that it may call."""

    description: str = ""
    parameters: dict[str, Any] = Field(default_factory=dict[str, Any])
    """JSON Schema of the input."""
