"""The record of one run, gathered: what export, report, archive, back-test and fork work from.

Pure records; `activities.audit.collect` fills them. Times are UTC. What could not be read is
missing, and `notes` says why: a record never claims to be whole when it is not.
"""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from rota.approvals.requests import Ruling
from rota.conversation import ToolCall
from rota.effects.records import EffectRecord
from rota.keepers.state import LedgerEntry
from rota.kinds import Kind
from rota.model import Record
from rota.run_ref import RunRef
from rota.runs import RunStatus, Trigger
from rota.turns.memory import MemoryVersion
from rota.turns.transcript import RunContext, TranscriptNode


class Versions(Record):
    """Whose code made the record, as far as the record tells."""

    rota: str = ""
    """Of the program that gathered it."""
    server: str = ""
    """Of the Temporal server, when it was gathered."""
    sdk: tuple[str, ...] = ()
    """Temporal's SDKs that worked on the run, from its history: `temporal-python 1.35.0`."""
    workers: tuple[str, ...] = ()
    """Build ids of the workers that did."""


class ExecutionHistory(Record):
    """One execution's history: a run that continued as new has several."""

    run_id: str
    """Temporal's run id."""
    first: int
    last: int
    """First and last event's id, both included."""
    history: dict[str, Any]
    """`{"events": [...]}` in protobuf's JSON, which replays; secrets cut out."""


class RecordedTurn(Record):
    """One turn."""

    digest: str
    """Of the node: its address in the object store."""
    node: TranscriptNode
    began: datetime | None = None
    ended: datetime | None = None


class RecordedCall(Record):
    """One tool call."""

    turn: int
    index: int
    """Position among the calls of its turn, from 0."""
    call: ToolCall
    made: bool = False
    """It was executed, or answered otherwise: there is a result."""
    result: str = ""
    is_error: bool = False
    tainted: bool = False
    """The result may hold the words of people outside the team."""
    began: datetime | None = None
    ended: datetime | None = None


class RecordedApproval(Record):
    """What a person decided about a call, or did not in time."""

    ruling: Ruling
    call: str = ""
    """Key of the call that it is about; empty of a provider's own call."""
    asked: datetime | None = None
    """When the turn was recorded that asked for the call: it waits from then on."""
    arguments: dict[str, Any] | None = None
    """What the call was allowed with, if that differs from what the model gave."""


class RecordedEffect(Record):
    """One version of what is known of an effect; see `rota.effects.records`."""

    effect: EffectRecord
    receipt: str | None = None
    """The receipt itself."""


class LostAttempt(Record):
    """A call of a model that was sent, and whose answer nobody saw: it may be billed."""

    place: str
    """Which: the turn, or the step of a session, then the attempt."""
    micros: int = 0
    """What it came to at most, as estimated before; 0 if nobody estimated it."""
    tokens: int = 0


class RunRecord(Record):
    """One run of an agent, or of a pipeline."""

    form: Literal["rota-run/1"] = "rota-run/1"
    run: RunRef
    agent: str
    """Or the pipeline's name."""
    kind: Kind = "Agent"
    team: str = ""
    fleet: str = ""
    """Of the declaration it worked by; empty if it never got one."""
    namespace: str = ""
    versions: Versions = Versions()
    started: datetime
    ended: datetime | None = None
    status: RunStatus
    trigger: Trigger
    slot: datetime | None = None
    schedule_id: str = ""
    """The schedule that started it, if one did."""
    given: dict[str, Any] = Field(default_factory=dict[str, Any])
    """What it was started with: the workflow's argument, without what it carried over from an
    execution before."""
    notes: tuple[str, ...] = ()
    """What is missing, and why; one line each."""
    objects: tuple[str, ...] = ()
    """Digests of the objects in the store that the run refers to, sorted: while the run is to be
    read from there, none of them may go."""

    executions: tuple[ExecutionHistory, ...] = ()
    spec_digest: str = ""
    """Of the declaration it worked by: its version."""
    spec: dict[str, Any] | None = None
    """That declaration."""
    context: RunContext | None = None
    """Who, why, for which slot, with which input, memory and baseline."""
    memory_before: MemoryVersion | None = None
    memory_after: MemoryVersion | None = None
    turns: tuple[RecordedTurn, ...] = ()
    calls: tuple[RecordedCall, ...] = ()
    approvals: tuple[RecordedApproval, ...] = ()
    effects: tuple[RecordedEffect, ...] = ()
    attempts: tuple[LostAttempt, ...] = ()
    ledger: LedgerEntry | None = None
    """What its keeper's ledger has."""
    outcome: dict[str, Any] = Field(default_factory=dict[str, Any])
    """`AgentRunResult` or `PipelineResult` as JSON; of a run in progress what it tells so far."""
    output: Any = None
    """Its result, whole."""

    @property
    def ended_or_started(self) -> datetime:
        """When it was last heard of, as far as the server knows."""
        return self.ended or self.started

    @property
    def requester(self) -> str:
        """Who asked for it, or had it scheduled; empty if nobody knows."""
        given = self.given.get("by") or ""
        return (self.context.requester if self.context else "") or given
