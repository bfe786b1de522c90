"""Approvals: what a person is asked to allow, what they say, and when their word counts.

Records alone; what counts is decided in `rota.approvals.rules`. A request names one exact call,
by a digest over the agent's declaration, the run, the tool, the arguments and the call's own
key: whatever changes, the digest is another, and a decision on the old one is void.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from pydantic import Field, model_validator

from rota.approvals.business_hours import due
from rota.approvals.spec import ApprovalRule
from rota.model import Declared, Record, StepResult, canonical_json, content_digest

INLINE_ARGUMENTS = 2048
"""Bytes of JSON that arguments may have to travel in history; larger ones are named by digest."""
EDIT_LIMIT = 64 * 1024
"""Bytes of JSON that edited arguments may have: they travel in history."""
SHORTEST_DIGEST = 12
"""Digits of a digest that are enough to say which request is meant."""


class Verdict(StrEnum):
    """What somebody says to a call."""

    APPROVE = "approve"
    DENY = "deny"
    EDIT = "edit"
    """It may be made with other arguments."""


class ApprovalRequest(Record):
    """One call that needs a person's decision."""

    tool: str
    digest: str
    """Of the declaration, the run, the tool, the arguments and the call's key: `request_digest`."""
    arguments: dict[str, Any] | None = None
    """The exact arguments, if their JSON is at most `INLINE_ARGUMENTS` bytes."""
    stored: str | None = None
    """Digest of the arguments in the store, if they are longer."""
    key: str
    """Key of `approvals` that asks for it."""
    rule: ApprovalRule
    """With `hours.timezone` filled in."""
    read_only: bool = False
    """The tool's effect is `read`."""
    editable: bool = True
    """False where a provider makes the call itself, as it is."""
    park_seconds: float = 0.0
    """How long it may wait on after its timeout, parked."""

    def until(self, since: datetime) -> datetime:
        """When its time is over, asked at `since`."""
        return due(since, self.rule.timeout, self.rule.hours)

    def escalates(self, since: datetime) -> datetime | None:
        """When somebody else is to be told; None if never."""
        escalation = self.rule.escalate
        return due(since, escalation.after, self.rule.hours) if escalation else None


class ApprovalDecision(Declared):
    """Argument of the run's update `decide`: plain JSON from any SDK."""

    call: str
    """`OpenApproval.id`."""
    digest: str = Field(pattern=rf"^[0-9a-f]{{{SHORTEST_DIGEST},64}}$")
    """Of the request that was looked at, or its first digits: at least 12."""
    verdict: Verdict
    arguments: dict[str, Any] | None = None
    """What the call is to be made with instead, for `edit`."""
    by: str = Field(pattern=r"\S", max_length=200)
    """Who decides."""
    note: str = Field(default="", max_length=2000)
    """Why; of a denial, the model reads it."""

    @model_validator(mode="after")
    def _fits_its_verdict(self) -> Self:
        if (self.verdict is Verdict.EDIT) != (self.arguments is not None):
            raise ValueError("'edit' needs arguments, and no other verdict takes any")
        return self


class Ruling(Record):
    """What became of a request: somebody's decision, or what follows from none."""

    id: str
    tool: str
    digest: str
    """Of the request."""
    verdict: Verdict
    by: str = ""
    """Who decided; empty if nobody did in time."""
    note: str = ""
    at: datetime
    until: datetime
    """When its time was over."""
    allowed: str = ""
    """Digest of the arguments that the call may be made with; empty if it may not."""
    arguments: dict[str, Any] | None = None
    """Of an edit: those arguments. On record only if they are short."""

    @property
    def shown(self) -> str:
        """What became of it, in one line for people; arguments stay out."""
        words = {Verdict.APPROVE: "approved", Verdict.DENY: "denied", Verdict.EDIT: "approved"}
        changed = " with other arguments" if self.verdict is Verdict.EDIT else ""
        by = f" by {self.by}" if self.by else ""
        return f"{words[self.verdict]}{by}{changed}" + (f": {self.note}" if self.note else "")

    @property
    def for_the_record(self) -> Self:
        """Without arguments that are too long to travel with every record."""
        if self.arguments is None or len(canonical_json(self.arguments)) <= INLINE_ARGUMENTS:
            return self
        return self.model_copy(update={"arguments": None})


class OpenApproval(Record):
    """A request that waits, as the run's query `status` tells it under `approvals`."""

    id: str
    """Unique within the run, short enough to type: `a1`, `a2`."""
    request: ApprovalRequest
    requester: str = ""
    """Who asked for the run, if that is known."""
    since: datetime
    until: datetime
    """Afterwards follows what `request.rule.otherwise` says."""
    escalates: datetime | None = None
    escalated: bool = False
    """That time has come."""
    parked_until: datetime | None = None
    """Its time is over and it waits on, parked, until then."""

    @property
    def waiting(self) -> str:
        """What the run waits for, in one line."""
        return f"approval {self.id} of {self.request.tool}"

    @property
    def last_call(self) -> datetime:
        """After this no decision counts."""
        return self.parked_until or self.until


class OpenApprovals(Record):
    """Of all that a run's query `status` tells, the requests that wait."""

    approvals: tuple[OpenApproval, ...] = ()


class EditChecked(StepResult):
    """What a look at edited arguments found."""

    problem: str = ""
    """Why they do not fit the tool; empty if they do."""


def request_digest(
    *, version: str, run_key: str, tool: str, arguments: Mapping[str, Any], call_key: str
) -> str:
    """Return what a decision is bound to.

    Args:
        version: Digest of the agent's declaration.
        run_key: The run's.
        tool: Name.
        arguments: As the model gave them.
        call_key: The call's idempotency key, which tells equal calls apart.
    """
    return content_digest([version, run_key, call_key, tool, dict(arguments)])
