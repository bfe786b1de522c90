"""A run of a pipeline as the outside sees it: its input, its result, each node's end."""

import re
from datetime import datetime
from operator import not_
from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field

from rota.coordination.lineage import Lineage
from rota.failures import FailureCategory
from rota.language.names import AgentName
from rota.model import Declared, Record, is_false
from rota.notices.spec import Occasion
from rota.runs import EventRecord, Instant, RunStatus, Trigger
from rota.usage import Usage

_DIGEST = re.compile(r"[0-9a-f]{64}")


class NodeResult(Record):
    """What became of a node, or of one item of it."""

    status: RunStatus
    reason: str = ""
    """Why it was skipped or failed; while it waits for the clock, until when."""
    category: FailureCategory | None = None
    run_id: str = ""
    """Workflow id of its last run; empty if it never ran, or has items."""
    attempts: int = 0
    """Runs that were started for it, re-runs asked for by others included."""
    output: Any = None
    """The run's result if its JSON is at most 4 KiB; of a node with items, theirs as a list."""
    output_digest: str | None = None
    items: tuple["NodeResult", ...] | None = None
    """One per item of `for_each`, in order; None for a node without."""
    usage: Usage | None = None
    """What its last run used, with all below it; None if nobody can tell."""
    kept: bool = False
    """Taken over from an earlier run of the pipeline (`rota rerun --from`)."""
    tainted: bool = Field(default=False, exclude_if=is_false)
    """The run had read what may be the words of people outside the team."""


def _an_end(kept: NodeResult) -> NodeResult:
    # Whoever starts a run may write these by hand, and the graph takes them at their word.
    for end in (kept, *(kept.items or ())):
        if not end.status.closed:
            raise ValueError(f"a node that is {end.status.value} has not ended and cannot be kept")
        if end.output_digest is not None and not _DIGEST.fullmatch(end.output_digest):
            raise ValueError("output_digest: not a digest, which is 64 lower-case hex digits")
    return kept


Kept = Annotated[NodeResult, AfterValidator(_an_end)]
"""The end of a node in an earlier run."""


class PipelineRunInput(Declared):
    """What starts a pipeline. Only `pipeline` is needed."""

    model_config = ConfigDict(extra="forbid", frozen=True, title="input of PipelineRun")

    pipeline: AgentName
    input: dict[str, Any] = Field(default_factory=dict[str, Any])
    """Overrides keys of the pipeline's declared input."""
    slot: Instant | None = None
    """The nominal time to work for. Scheduled runs take it from their schedule."""
    trigger: Trigger | None = None
    """Normally left out: Rota knows whether a schedule started the run."""
    lineage: Lineage | None = None
    """Rota's own: what started the run, if an event or another run did."""
    kept: dict[AgentName, Kept] = Field(default_factory=dict[AgentName, Kept])
    """Nodes that are not run again: their ends in an earlier run of this slot."""
    by: str = Field(default="", max_length=200)
    """Who asks for the run, if a person does."""


class PipelineResult(Record):
    """How a pipeline run ended: the workflow's result, or the details of its failure."""

    pipeline: str
    run_id: str
    status: RunStatus
    """Succeeded if every node did, or was skipped as its conditions want."""
    trigger: Trigger
    slot: datetime | None = None
    reason: str = ""
    """Which nodes failed, in one line."""
    category: FailureCategory | None = None
    nodes: dict[str, NodeResult] = Field(default_factory=dict[str, NodeResult])
    """Every declared node, by name."""
    input: dict[str, Any] = Field(default_factory=dict[str, Any])
    usage: Usage = Usage()
    """What all runs of its nodes used, repeated ones and all below them included."""
    lineage: Lineage | None = None
    untold: tuple[Occasion, ...] = Field(default=(), exclude_if=not_)
    """What people were to be told of it, and could not be."""
    events: tuple[EventRecord, ...] = ()
