"""What the fake of Cursor's agents is to do, and what its agents and runs are."""

import time
import uuid
from dataclasses import dataclass, field
from typing import Any

INPUT_CENTS, OUTPUT_CENTS = 0.03, 0.15
"""What a token costs in the fake."""

Json = dict[str, Any]


@dataclass(frozen=True)
class Job:
    """What an agent makes of one prompt."""

    result: str = ""
    seconds: float = 0.0
    hang: bool = False
    """Never ends, until it is cancelled or the fake releases it."""
    deaf: bool = False
    """Does not end when it is cancelled."""
    status: str = "FINISHED"
    error: str = ""
    branches: tuple[Json, ...] = ()
    input: int = 100
    output: int = 20
    hidden_reads: int = 0
    """How often the agent's use is read before this run is part of it."""
    cost_reads: int = 1
    """How often its use is read before its cost is there."""


@dataclass(frozen=True)
class Fault:
    """What becomes of the next request that fits."""

    status: int = 500
    code: str = "internal"
    headers: dict[str, str] = field(default_factory=dict[str, str])
    fits: str = ""
    """Part of `METHOD /path` that it needs."""
    works: bool = False
    """The request is served, but the connection breaks before the answer."""
    body: bytes | None = None
    """Answer this instead, with status 200."""


@dataclass
class Run:
    """One prompt's run."""

    job: Job
    id: str = field(default_factory=lambda: f"run-{uuid.uuid4()}")
    since: float = field(default_factory=time.monotonic)
    cancelled: bool = False
    reads: int = 0
    """How often its use was read."""


@dataclass
class Agent:
    """An agent and its runs, oldest first."""

    body: Json
    runs: list[Run] = field(default_factory=list[Run])


def usage_of(run: Run) -> Json | None:
    """What a run has used, as the API tells it: the cost only some reads later."""
    job = run.job
    run.reads += 1
    if run.reads <= job.hidden_reads:
        return None
    told: Json = {
        "id": run.id,
        "usage": {
            "inputTokens": job.input,
            "outputTokens": job.output,
            "cacheReadTokens": 0,
            "cacheWriteTokens": 0,
            "totalTokens": job.input + job.output,
        },
    }
    if run.reads > job.cost_reads:
        cents = job.input * INPUT_CENTS + job.output * OUTPUT_CENTS
        told["cost"] = {"rawCostCents": cents * 2, "chargedCents": cents}
    return told
