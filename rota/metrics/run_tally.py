"""What a run's calls came to, counted: decisions, effects, handoffs, approvals. Pure.

The run counts as it goes on, and tells its keeper at its end. Every count is by a closed list of
words, or by few names: what is counted for years must stay small.
"""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from operator import not_

from pydantic import Field

from rota.approvals.requests import Ruling, Verdict
from rota.metrics.spread import WAIT_BOUNDS, Spread
from rota.model import Record

MOST_CALLED = 20
"""Names of other agents kept of one; the rest counts as `OTHER`."""
OTHER = "other"

Counts = dict[str, int]


class CallDecision(StrEnum):
    """What became of a call before it was made."""

    ALLOWED = "allowed"
    """It needed nobody's word."""
    APPROVED = "approved"
    """A person let it be made, as it was or changed."""
    DENIED = "denied"
    """A person did not, or nobody said so in time."""
    REFUSED = "refused"
    """The agent may not make it: no such tool, over a limit, an approval that is void."""


class EffectResult(StrEnum):
    """What became of a call that changes something."""

    FIRST = "first"
    """It took effect."""
    ANSWERED = "answered"
    """It had taken effect in an earlier run: answered from the record, and not made."""
    UNKNOWN = "unknown"
    """Nobody knew, and a person was asked."""


class HandoffEnd(StrEnum):
    """How a call of another agent ended."""

    DONE = "done"
    FAILED = "failed"
    TRANSFERRED = "transferred"
    """It goes on in the caller's place."""


class ApprovalEnd(StrEnum):
    """How a request for a person's decision ended."""

    APPROVED = "approved"
    EDITED = "edited"
    """Approved with other arguments."""
    DENIED = "denied"
    UNDECIDED = "undecided"
    """Nobody said anything in time."""


class RunTally(Record):
    """Counts of one run, or of all of an agent."""

    calls: Counts = Field(default_factory=Counts, exclude_if=not_)
    """By `CallDecision`."""
    effects: Counts = Field(default_factory=Counts, exclude_if=not_)
    """By `EffectResult`; what was unknown is counted by the keeper, which is told at once."""
    handoffs: dict[str, Counts] = Field(default_factory=dict[str, Counts], exclude_if=not_)
    """By the agent that was called, by `HandoffEnd`."""
    approvals: Counts = Field(default_factory=Counts, exclude_if=not_)
    """By `ApprovalEnd`."""
    waits: Spread = Field(default=Spread(), exclude_if=lambda spread: not spread.counts)
    """How long people took to decide."""

    @property
    def is_empty(self) -> bool:
        """True if there was nothing to count."""
        return self == RunTally()

    def after_ruling(self, ruling: Ruling | None, waited: timedelta) -> "RunTally":
        """Count the end of a request for a decision; None: nobody decided, and the run fails."""
        end = end_of(ruling)
        return self.model_copy(
            update={
                "approvals": more(self.approvals, end),
                "waits": self.waits.after(waited, WAIT_BOUNDS),
            }
        )

    def plus(self, other: "RunTally") -> "RunTally":
        """Return the sum of both; names beyond `MOST_CALLED` are counted together."""
        handoffs = dict(self.handoffs)
        for called, ends in other.handoffs.items():
            known = called in handoffs or len(handoffs) < MOST_CALLED
            name = called if known else OTHER
            handoffs[name] = together(handoffs.get(name, {}), ends)
        return RunTally(
            calls=together(self.calls, other.calls),
            effects=together(self.effects, other.effects),
            handoffs=handoffs,
            approvals=together(self.approvals, other.approvals),
            waits=self.waits.plus(other.waits),
        )


def end_of(ruling: Ruling | None) -> ApprovalEnd:
    """What a ruling is counted as."""
    if ruling is None or not ruling.by:
        return ApprovalEnd.UNDECIDED
    match ruling.verdict:
        case Verdict.APPROVE:
            return ApprovalEnd.APPROVED
        case Verdict.EDIT:
            return ApprovalEnd.EDITED
        case _:
            return ApprovalEnd.DENIED


def more(counts: Mapping[str, int], word: str) -> Counts:
    """Count one more."""
    return {**counts, word: counts.get(word, 0) + 1}


def together(one: Mapping[str, int], other: Mapping[str, int]) -> Counts:
    """Return the sum of both."""
    return {word: one.get(word, 0) + other.get(word, 0) for word in {**one, **other}}
