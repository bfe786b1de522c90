"""A turn's calls and what they came to, as they travel through history: by position and digest.

Arguments and results themselves lie in the store.
"""

from enum import StrEnum
from typing import Any

from pydantic import Field

from rota.approvals.requests import ApprovalRequest, Ruling
from rota.effects.records import UnknownEffect
from rota.metrics.run_tally import EffectResult
from rota.model import Record, StepResult, is_empty, is_false, is_none
from rota.tools import Effect
from rota.turns.questions import Question
from rota.usage import Usage

INLINE_OUTPUT = 4096
"""Bytes of JSON a result may have to travel in history; a larger one is named by digest."""


class HandoffMode(StrEnum):
    """What becomes of the caller."""

    CALL = "call"
    """It waits for the other agent's result."""
    TRANSFER = "transfer"
    """It ends, and the other agent goes on in its place."""


class CallRef(Record):
    """One tool call of the newest turn, without its arguments."""

    index: int
    """Position among the calls of its turn, from 0."""
    name: str
    effect: Effect | None = None
    """None: the agent has no such tool; the call is answered with an error."""
    timeout_seconds: float = 60.0
    handoff: HandoffMode | None = None
    """Set if the call hands work to another agent: `agents.<name>` is `call`,
    `agents.<name>.transfer` is `transfer`."""
    approval: ApprovalRequest | None = None
    """Set if a person has to allow it first."""


class AnswerRef(Record):
    """A final answer, already checked against the output schema."""

    digest: str
    problems: tuple[str, ...] = ()
    """Why it is not acceptable, each with its place; empty means verified."""
    output: Any = None
    """The answer itself if its JSON is at most `INLINE_OUTPUT` bytes."""


class ResultRef(StepResult):
    """Where the result of a call lies."""

    index: int
    digest: str
    is_error: bool = False
    patch: str | None = None
    """Digest of a memory patch, if the call was `memory.update`."""
    transfer: AnswerRef | None = None
    """Set if another agent has taken over: how the run ends, once its turn's calls are done."""
    question: Question | None = None
    """Set if the tool needs a person's answer first: there is no result yet, and the call is
    made again with it."""
    below: Usage | None = None
    """Of a call of another agent: what its run used, and those below it; one that took over
    tells nobody here, and counts with all it may use."""
    unknown: UnknownEffect | None = None
    """Set if nobody knows whether the call took effect: there is no result yet."""
    approval: Ruling | None = None
    """What was decided about the call, if it needed that."""
    settled: str = Field(default="", exclude_if=is_empty)
    """Key of its effect, if nobody knew of that and the tool has found out: whoever was asked
    about it, in an earlier run, is asked no longer."""
    lost: bool = Field(default=False, exclude_if=is_false)
    """An error, and the call may have taken effect all the same: made again, it keeps its key."""
    tainted: bool = Field(default=False, exclude_if=is_false)
    """It may hold the words of people outside the team."""
    refused: bool = Field(default=False, exclude_if=is_false)
    """An error, and not the call's: the agent may not make it."""
    effect: EffectResult | None = Field(default=None, exclude_if=is_none)
    """What became of the effect, if it has one; None also of one that failed."""
