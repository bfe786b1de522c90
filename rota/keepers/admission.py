"""What a run asks of its keeper, and what the keeper answers."""

from datetime import datetime
from enum import StrEnum
from operator import not_
from typing import Any

from pydantic import Field

from rota.budgets.model_use import ByModel
from rota.budgets.reservations import Grant
from rota.checks.baseline import KnownBaseline
from rota.coordination.lineage import Lineage
from rota.failures import FailureCategory
from rota.metrics.run_tally import RunTally
from rota.model import Record, StepResult, is_false, is_none
from rota.pinned_spec import PinnedSpec
from rota.run_ref import RunRef
from rota.runs import Covers, EventRecord, Instant, RunStatus, Trigger
from rota.runtimes.kind import Shape
from rota.usage import Usage


class ConversationRef(Record):
    """The conversation of a session, as its last successful run left it."""

    head: str
    """Newest node of the transcript."""
    tokens: int = 0
    """How long it has become, as the runtime counted."""
    slot: datetime | None = None
    """For which that run worked, if for one."""
    tainted: bool = Field(default=False, exclude_if=is_false)
    """It may hold the words of people outside the team."""
    before: "ConversationRef | None" = None
    """What that run began with."""


class Unstopped(Record):
    """Work at a provider of which nobody knows whether it has stopped."""

    run: RunRef
    runtime: str
    """Kind."""
    session: str
    """The provider's id."""
    url: str = ""
    data: dict[str, Any] = Field(default_factory=dict[str, Any])
    """The provider's further names for it."""
    text: str = ""
    """What was seen when it was asked to stop."""
    at: datetime


class AdmissionRequest(Record):
    """A run presents itself. Idempotent by `run.key`."""

    run: RunRef
    trigger: Trigger
    slot: Instant | None = None
    input: dict[str, Any] = Field(default_factory=dict[str, Any])
    passed_slots: tuple[Instant, ...] = ()
    """Later slots of the same schedule whose time had come at admission, oldest first."""
    backfill: bool = False
    """A person's backfill of the schedule asks for this slot: it is meant, however late."""
    lineage: Lineage | None = None
    by: str = ""
    """Who asks for the run, if a person does."""


class Decision(StrEnum):
    """What a run may do now."""

    GO = "go"
    WAIT = "wait"
    """A signal `lease_granted` follows."""
    JOIN = "join"
    """Another run works for the same key; a signal `key_settled` follows with its end."""
    SKIP = "skip"


class Admission(Record):
    """The keeper's answer."""

    decision: Decision
    run: RunRef
    reason: str = ""
    """Why it waits or skips."""
    spec: PinnedSpec
    input: dict[str, Any] = Field(default_factory=dict[str, Any])
    """Declared input with the run's own keys laid over."""
    session: str = ""
    memory: str | None = None
    """Memory version at the start."""
    conversation: ConversationRef | None = None
    """What the run's conversation begins with, if the session continues."""
    baseline: KnownBaseline | None = Field(default=None, exclude_if=not_)
    """What was accepted in the session, and rejected since, at the start."""
    slot: datetime | None = None
    covers: Covers | None = None
    coalesced_into: datetime | None = None
    """Set on a skip in favour of this newer slot, which must now run."""
    lineage: Lineage | None = None
    same_as: RunRef | None = None
    """The run that works, or has worked, for the same key."""
    output: str | None = None
    """Digest of that run's result, on a skip because it succeeded."""
    fairness_key: str | None = None
    """Rendered from the spec, at most 64 bytes."""
    requester: str = ""
    """Who asked for the run, or had it scheduled; empty if nobody knows."""
    began: datetime | None = None
    """When the work began that the run is part of: when it, or the run at the top of its
    handoffs and pipelines, presented itself."""
    grant: Grant | None = None
    """With *go*: what the run may spend until it asks again, as far as its agent's account and
    its team's have room. None of a pipeline, and of a keeper that kept no account yet."""
    tainted: bool = Field(default=False, exclude_if=is_false)
    """What it begins with (memory, conversation, what it needed) may hold the words of people
    outside the team. Told by whoever prepares the run, since the keeper knows digests alone."""


class Admitted(StepResult):
    """The keeper's answer, and what preflight found."""

    admission: Admission
    context: str = ""
    """Digest of the run's context when the decision is *go*."""
    shape: Shape = Shape.MODEL
    """Of the agent's runtime, as this worker knows it."""
    converses: bool = True
    """The runtime can be told more after it has answered."""
    patience_seconds: float = 0.0
    """Longest time the runtime's work may wait for a person on the provider's side."""
    output: Any = None
    """The result behind `admission.output` if its JSON is at most 4 KiB."""
    blocked: str = ""
    """Why the run cannot work here; empty if it can."""
    unfit: str = ""
    """What is wrong with the run's input, in one line; empty if the agent accepts it. Such a
    run fails: no worker could do it."""
    category: FailureCategory | None = None


class KeyOutcome(Record):
    """How the run ended that others with its key waited for."""

    waiter: RunRef
    """Whom this is for."""
    run: RunRef
    """The run that was joined; the waiter itself if it is turned away for its own part."""
    status: RunStatus
    reason: str = ""
    category: FailureCategory | None = None
    output: str | None = None


class Settlement(Record):
    """A run reports its end. Idempotent by `run.key`."""

    run: RunRef
    status: RunStatus
    reason: str = ""
    category: FailureCategory | None = None
    turns: int = 0
    tool_calls: int = 0
    usage: Usage = Usage()
    output: str | None = None
    """Digest of the result."""
    output_bytes: int | None = Field(default=None, exclude_if=is_none)
    output_empty: bool | None = Field(default=None, exclude_if=is_none)
    """Filled in as it is settled; None: nobody has looked."""
    base_memory: str | None = None
    """The version that `memory` was made from."""
    memory: str | None = None
    """New version, or None to leave the memory as it is."""
    conversation: ConversationRef | None = None
    """What the session's next run begins with; None leaves it as it is."""
    unstopped: Unstopped | None = None
    events: tuple[EventRecord, ...] = ()
    tainted: bool = Field(default=False, exclude_if=is_false)
    """The run has read what may be the words of people outside the team."""
    by_model: ByModel = Field(default_factory=ByModel, exclude_if=not_)
    """What each model's answers came to, of `usage`."""
    tally: RunTally = Field(default=RunTally(), exclude_if=lambda tally: tally.is_empty)
    """What its calls came to."""


class Settled(StepResult):
    """The keeper's receipt."""

    conflict: bool = False
    """True: `base_memory` is no longer the head, nothing was recorded; merge onto
    `memory` and settle again."""
    memory: str | None = None
    """Head of the session's memory now."""
    unknown_attempts: int = 0
    """Attempts at the turn the run ended in that may have been billed."""
    unknown_micros: int = 0
    """What those may have cost at most."""
    unknown_tokens: int = 0
    team: str = ""
    """Whose account may have something reserved for the run, too: its admission may have been
    given and not heard. Empty if the team has none."""
    repeated: bool = False
    """It is blocked for the reason of a run before it, of which people were told."""
    status: RunStatus | None = None
    """What the ledger has as the run's end, which the run must tell, too; None if the
    keeper knows no such run. It differs from what was reported if an earlier report came
    through first, or the memory patches no longer fit."""
    reason: str = ""
    category: FailureCategory | None = None

    @property
    def unknown(self) -> Usage:
        """Those attempts, as use."""
        return Usage(
            unknown_attempts=self.unknown_attempts,
            unknown_micros=self.unknown_micros,
            unknown_tokens=self.unknown_tokens,
        )


class MemoryChange(Record):
    """A person replaces a session's memory; compare-and-set on `base`."""

    session: str
    base: str | None
    memory: str
