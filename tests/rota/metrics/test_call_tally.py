"""What a turn's calls count as."""

from datetime import timedelta
from typing import Any

import pytest

from rota.approvals.requests import Ruling, Verdict
from rota.metrics.call_tally import counting
from rota.metrics.run_tally import MOST_CALLED, OTHER, ApprovalEnd, EffectResult, RunTally
from rota.tools import Effect
from rota.turns.calls import AnswerRef, CallRef, HandoffMode, ResultRef
from rota.turns.loop import LoopState
from tests.rota.keepers.desks import T0


def ruling(verdict: Verdict = Verdict.APPROVE, by: str = "ann", **fields: Any) -> Ruling:
    """A person's decision; `allowed` is what makes a call possible."""
    allowed = "" if verdict is Verdict.DENY else "d"
    named: dict[str, Any] = {"id": "a1", "tool": "t", "digest": "d", "at": T0, "until": T0}
    return Ruling(**named, verdict=verdict, by=by, allowed=allowed, **fields)


def tallied(call: dict[str, Any], result: dict[str, Any]) -> RunTally:
    """What one call and its result come to."""
    asked = CallRef.model_validate({"index": 0, "name": "ledger.post", **call})
    loop = LoopState(calls=(asked,))
    return counting(loop, (ResultRef(index=0, digest="r", **result),)).tally


CALL = {"name": "agents.settlement", "handoff": HandoffMode.CALL}


@pytest.mark.parametrize(
    ("call", "result", "expected"),
    [
        ({}, {}, {"calls": {"allowed": 1}}),
        ({}, {"is_error": True}, {"calls": {"allowed": 1}}),
        ({}, {"is_error": True, "refused": True}, {"calls": {"refused": 1}}),
        ({}, {"approval": ruling()}, {"calls": {"approved": 1}}),
        ({}, {"approval": ruling(Verdict.EDIT)}, {"calls": {"approved": 1}}),
        (
            {},
            {"approval": ruling(Verdict.DENY), "is_error": True, "refused": True},
            {"calls": {"denied": 1}},
        ),
        (
            {"effect": Effect.WRITE},
            {"effect": EffectResult.FIRST},
            {"calls": {"allowed": 1}, "effects": {"first": 1}},
        ),
        (
            {"effect": Effect.WRITE},
            {"effect": EffectResult.ANSWERED},
            {"calls": {"allowed": 1}, "effects": {"answered": 1}},
        ),
        (CALL, {}, {"calls": {"allowed": 1}, "handoffs": {"settlement": {"done": 1}}}),
        (
            CALL,
            {"is_error": True},
            {"calls": {"allowed": 1}, "handoffs": {"settlement": {"failed": 1}}},
        ),
        (CALL, {"is_error": True, "refused": True}, {"calls": {"refused": 1}}),
        (
            CALL | {"name": "agents.settlement.transfer", "handoff": HandoffMode.TRANSFER},
            {"transfer": AnswerRef(digest="t")},
            {"calls": {"allowed": 1}, "handoffs": {"settlement": {"transferred": 1}}},
        ),
    ],
)
def test_call_is_counted_by_what_was_decided_and_what_became_of_it(
    call: dict[str, Any], result: dict[str, Any], expected: dict[str, Any]
) -> None:
    """Allowed, approved, denied or refused; and of what it led to."""
    assert tallied(call, result) == RunTally.model_validate(expected)


def test_call_without_a_result_is_not_counted() -> None:
    """After a transfer the rest of its turn is not made."""
    loop = LoopState(calls=(CallRef(index=0, name="a.b"), CallRef(index=1, name="a.c")))
    assert counting(loop, (ResultRef(index=0, digest="r"),)).tally.calls == {"allowed": 1}


@pytest.mark.parametrize(
    ("given", "end"),
    [
        (ruling(), ApprovalEnd.APPROVED),
        (ruling(Verdict.EDIT), ApprovalEnd.EDITED),
        (ruling(Verdict.DENY), ApprovalEnd.DENIED),
        (ruling(Verdict.DENY, by=""), ApprovalEnd.UNDECIDED),
        (ruling(Verdict.APPROVE, by=""), ApprovalEnd.UNDECIDED),
        (None, ApprovalEnd.UNDECIDED),
    ],
)
def test_request_is_counted_by_who_decided_and_how_long_that_took(
    given: Ruling | None, end: ApprovalEnd
) -> None:
    """Nobody's decision is nobody's, whatever follows from it."""
    tally = RunTally().after_ruling(given, timedelta(minutes=2))
    assert tally.approvals == {end: 1}
    assert (tally.waits.count, tally.waits.millis) == (1, 120_000)


def test_agents_that_were_called_are_few_however_many_there_are() -> None:
    """Names beyond the most are counted together, and none is lost."""
    tally = RunTally()
    for number in range(MOST_CALLED + 5):
        tally = tally.plus(RunTally(handoffs={f"agent-{number}": {"done": 1}}))
    assert len(tally.handoffs) == MOST_CALLED + 1
    assert tally.handoffs[OTHER] == {"done": 5}
