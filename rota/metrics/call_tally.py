"""Counts the calls of a turn, from what was asked and what came of it. Pure."""

from collections.abc import Sequence

from rota.coordination.handoffs import handoff_of
from rota.metrics.run_tally import CallDecision, HandoffEnd, RunTally, more
from rota.turns.calls import CallRef, ResultRef
from rota.turns.loop import LoopState


def counting(loop: LoopState, results: Sequence[ResultRef]) -> LoopState:
    """Return the state before `results` are folded in, with the calls they answer counted."""
    calls = {call.index: call for call in loop.calls}
    tally = loop.tally
    for result in results:
        call = calls.get(result.index)
        if call is not None:
            tally = tally.plus(of_call(call, result))
    return loop.model_copy(update={"tally": tally})


def of_call(call: CallRef, result: ResultRef) -> RunTally:
    """What one call counts as."""
    effects = more({}, result.effect) if result.effect else {}
    tally = RunTally(calls=more({}, decision_of(result)), effects=effects)
    if call.handoff is None or result.refused or _is_denied(result):
        return tally
    handoff = handoff_of(call.name)
    called = handoff.agent if handoff else call.name
    return tally.model_copy(update={"handoffs": {called: more({}, _end_of(result))}})


def decision_of(result: ResultRef) -> CallDecision:
    """What was decided about the call before it was made."""
    if _is_denied(result):
        return CallDecision.DENIED
    if result.refused:
        return CallDecision.REFUSED
    return CallDecision.ALLOWED if result.approval is None else CallDecision.APPROVED


def _is_denied(result: ResultRef) -> bool:
    return result.approval is not None and not result.approval.allowed


def _end_of(result: ResultRef) -> HandoffEnd:
    if result.transfer is not None:
        return HandoffEnd.TRANSFERRED
    return HandoffEnd.FAILED if result.is_error else HandoffEnd.DONE
