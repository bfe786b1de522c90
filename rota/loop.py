"""The turn loop's decisions: `next_step(state, limits, now) -> Step`.

The workflow keeps a `LoopState`, asks what comes next, carries it out and folds the
answer back in. No rule about limits, repairs or stop reasons lives anywhere else.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field

from rota.conversation import StopReason
from rota.effects import UnknownEffect
from rota.failures import FailureCategory
from rota.limits import Limits
from rota.model import Record, StepResult
from rota.questions import Question
from rota.runs import RunStatus
from rota.session_runtime import ProviderSession
from rota.tools import Effect
from rota.usage import Usage, format_cost

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
    unknown: UnknownEffect | None = None
    """Set if nobody knows whether the call took effect: there is no result yet."""


class TurnOutcome(StepResult):
    """What one turn came to."""

    head: str
    stop: StopReason
    calls: tuple[CallRef, ...] = ()
    answer: AnswerRef | None = None
    usage: Usage = Usage()
    conversation_tokens: int = 0
    """Tokens that the whole conversation has come to, as the runtime counted its last turn."""
    details: str = ""
    """What else the provider says of why it stopped: a refusal's category."""
    links: dict[str, str] = Field(default_factory=dict[str, str])
    """What the work left behind elsewhere: `branch`, `pull_request`, `execution`."""
    unusable: str = ""
    """Of a summary: why no run can begin with it, and what to do; empty if one can."""


class LoopState(Record):
    """Where a run's conversation stands."""

    turn: int = 0
    head: str | None = None
    compacted: bool = False
    """`head` sums up the conversation that the run begins with."""
    stop: StopReason | None = None
    details: str = ""
    """Of `stop`, as the provider put it."""
    calls: tuple[CallRef, ...] = ()
    """Calls that still need results."""
    results: tuple[ResultRef, ...] = ()
    """Results to hand to the next turn."""
    answer: AnswerRef | None = None
    transfer: AnswerRef | None = None
    """Set once another agent has taken over: says which, and by which run."""
    repaired: bool = False
    tool_calls: int = 0
    patches: tuple[str, ...] = ()
    usage: Usage = Usage()
    runtime: int = 0
    """Which runtime answers: 0 the declared one, 1 its first fallback."""
    session: ProviderSession | None = None
    """The provider's session, once there is one."""
    session_ended: bool = False
    """It has done what it will do, or was stopped as far as it can be."""
    unstopped: str = ""
    """Why nobody knows whether it has stopped; empty if it has."""
    cursor: str = ""
    """Where the last look at it ended."""
    conversation_tokens: int = 0
    links: dict[str, str] = Field(default_factory=dict[str, str])
    pins: str | None = None
    """Digest of the list of tools that others serve, once it is made."""

    def after_turn(self, outcome: TurnOutcome) -> "LoopState":
        """Fold in a turn's outcome."""
        repairing = self.answer is not None and bool(self.answer.problems)
        return self.model_copy(
            update={
                "turn": self.turn + 1,
                "head": outcome.head,
                "stop": outcome.stop,
                "details": outcome.details,
                "calls": outcome.calls,
                "results": (),
                "answer": outcome.answer,
                "repaired": self.repaired or repairing,
                "usage": self.usage.plus(outcome.usage),
                "conversation_tokens": outcome.conversation_tokens or self.conversation_tokens,
                "links": {**self.links, **outcome.links},
            }
        )

    def after_compaction(self, outcome: TurnOutcome) -> "LoopState":
        """Fold in the summary of the conversation before: no turn, but paid for.

        One that is unusable leaves its `stop` and `details`, and no turn follows.
        """
        return self.model_copy(
            update={
                "head": outcome.head,
                "compacted": True,
                "stop": outcome.stop if outcome.unusable else None,
                "details": outcome.unusable,
                "usage": self.usage.plus(outcome.usage),
                "conversation_tokens": outcome.conversation_tokens,
            }
        )

    def after_tools(self, results: tuple[ResultRef, ...]) -> "LoopState":
        """Fold in the results of all open calls, in call order."""
        return self.model_copy(
            update={
                "calls": (),
                "results": results,
                "transfer": next((r.transfer for r in results if r.transfer), self.transfer),
                "tool_calls": self.tool_calls + len(results),
                "patches": (*self.patches, *(r.patch for r in results if r.patch)),
            }
        )


class Compact(Record):
    """Sum up the conversation that the run begins with."""


class Think(Record):
    """Take the next turn."""

    turn: int
    repair: tuple[str, ...] = ()
    """Problems of the last answer, which the model gets one chance to mend."""


class RunTools(Record):
    """Execute these calls, all at once."""

    calls: tuple[CallRef, ...]


class Finish(Record):
    """The conversation is over."""

    status: RunStatus
    reason: str = ""
    category: FailureCategory | None = None
    answer: AnswerRef | None = None


Step = Compact | Think | RunTools | Finish

_STOPS: dict[StopReason, tuple[FailureCategory, str]] = {
    StopReason.MAX_TOKENS: (
        FailureCategory.OUTCOME_INVALID,
        "the answer was cut at the model's output limit; raise runtime.max_output_tokens",
    ),
    StopReason.REFUSED: (FailureCategory.REFUSED, "the model refused to answer"),
    StopReason.CONTEXT_OVERFLOW: (
        FailureCategory.CONTEXT_OVERFLOW,
        "the conversation no longer fits into the model's context window",
    ),
}


def next_step(state: LoopState, limits: Limits, now: datetime) -> Step:
    """Decide what a run does next. Limits are checked before every step, never within one."""
    finished = _finished(state, limits.repairs)
    if finished is not None:
        return finished
    exceeded = _exceeded(state, limits, now)
    if exceeded is not None:
        return exceeded
    if limits.compacting and state.turn == 0 and not state.compacted:
        return Compact()
    if state.calls:
        return RunTools(calls=state.calls)
    repair = state.answer.problems if state.answer else ()
    return Think(turn=state.turn + 1, repair=repair)


def _finished(state: LoopState, repairs: bool) -> Finish | None:
    if state.transfer is not None:
        return Finish(status=RunStatus.SUCCEEDED, answer=state.transfer)
    if state.turn == 0 and state.stop is not None:
        category, _ = _STOPS.get(state.stop, (FailureCategory.OUTCOME_INVALID, ""))
        reason = f"the conversation could not be summed up: {state.details}"
        return Finish(status=RunStatus.FAILED, reason=reason, category=category)
    if state.stop is not None and state.stop in _STOPS:
        category, reason = _STOPS[state.stop]
        if state.details:
            reason = f"{reason} ({state.details})"
        return Finish(status=RunStatus.FAILED, reason=reason, category=category)
    if state.answer is None:
        return None
    if not state.answer.problems:
        return Finish(status=RunStatus.SUCCEEDED, answer=state.answer)
    if repairs and not state.repaired:
        return None
    return Finish(
        status=RunStatus.FAILED,
        reason="the result does not fit the output schema: " + "; ".join(state.answer.problems),
        category=FailureCategory.OUTCOME_INVALID,
        answer=state.answer,
    )


def _exceeded(state: LoopState, limits: Limits, now: datetime) -> Finish | None:
    if now >= limits.deadline:
        return Finish(
            status=RunStatus.TIMED_OUT,
            reason=limits.time_is_up,
            category=FailureCategory.LIMIT_REACHED,
        )
    if state.turn >= limits.turns:
        # Before its calls too: a run that can never answer must not act any more.
        return _limit(f"no answer after {limits.turns} turns (runtime.max_turns)")
    if limits.tokens is not None and state.usage.tokens >= limits.tokens:
        return _limit(f"{state.usage.tokens} tokens used of {limits.tokens} (budget.run_tokens)")
    spent = state.usage.cost_micros
    if limits.cost_micros is not None and spent is not None and spent >= limits.cost_micros:
        # What is unpriced cannot be checked; `rota validate` warns of it.
        return _limit(
            f"{format_cost(spent)} spent of {format_cost(limits.cost_micros)} (budget.run_usd)"
        )
    return None


def _limit(reason: str) -> Finish:
    return Finish(status=RunStatus.FAILED, reason=reason, category=FailureCategory.LIMIT_REACHED)
