"""The turn loop's decisions: `next_step(state, limits, now) -> Step`. Pure.

No rule about limits, repairs or stop reasons lives anywhere else.
"""

from datetime import datetime

from rota.budgets.spec import OnExceeded
from rota.budgets.spending import Shortage, shortage
from rota.conversation import StopReason
from rota.failures import FailureCategory
from rota.runs import RunStatus
from rota.turns.limits import Limits
from rota.turns.loop import AskRoom, Compact, Finish, LoopState, Park, RunTools, Step, Think

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


def _exceeded(state: LoopState, limits: Limits, now: datetime) -> Step | None:
    if now >= limits.deadline:
        return Finish(
            status=RunStatus.TIMED_OUT,
            reason=limits.time_is_up,
            category=FailureCategory.LIMIT_REACHED,
        )
    if state.turn >= limits.turns:
        # Before its calls too: a run that can never answer must not act any more.
        return _limit(f"no answer after {limits.turns} turns (runtime.max_turns)")
    short = shortage(
        limits, state.tree, state.turn + state.tool_calls, state.needed, len(state.calls) or 1
    )
    return None if short is None else _short(short, state, limits.on_exceeded)


def _short(short: Shortage, state: LoopState, on_exceeded: OnExceeded) -> Step:
    if short.is_asked_for:
        return AskRoom(least=short.least)
    if on_exceeded is OnExceeded.PARK and not short.lent:
        return Park(
            reason=short.reason,
            refused=short.refused,
            until=short.until,
            more=short.more,
            cure=short.cure,
        )
    if on_exceeded is OnExceeded.SKIP and not short.lent and not state.has_begun:
        return Finish(status=RunStatus.SKIPPED, reason=short.reason)
    return _limit(short.reason)


def _limit(reason: str) -> Finish:
    return Finish(status=RunStatus.FAILED, reason=reason, category=FailureCategory.LIMIT_REACHED)
