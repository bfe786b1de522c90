"""What the loop does about a long conversation, about money, and about a refusal's reason."""

from datetime import UTC, datetime, timedelta

import pytest

from rota.budgets.spec import OnExceeded
from rota.conversation import StopReason
from rota.failures import FailureCategory
from rota.runs import RunStatus
from rota.turns.deciding import next_step
from rota.turns.limits import Limits
from rota.turns.loop import Compact, Finish, LoopState, Step, Think, TurnOutcome
from rota.usage import Usage

NOW = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
SOON = NOW + timedelta(minutes=1)
FAIL = OnExceeded.FAIL
LONG = Limits(turns=3, tokens=100, deadline=SOON, on_exceeded=FAIL, compacting=True)
DEAR = Limits(turns=3, tokens=None, deadline=SOON, on_exceeded=FAIL, cost_micros=20_000)


@pytest.mark.parametrize(
    ("state", "step"),
    [
        (LoopState(), Compact()),
        (LoopState(compacted=True, head="s"), Think(turn=1)),
        (LoopState(turn=1, head="h"), Think(turn=2)),
    ],
)
def test_next_step_sums_up_a_long_conversation_once_before_the_first_turn(
    state: LoopState, step: Step
) -> None:
    """Summing up comes first, once, and never in the middle of a run."""
    assert next_step(state, LONG, NOW) == step


def test_next_step_after_its_time_sums_nothing_up() -> None:
    """Limits come before the summary, too, which is paid for."""
    step = next_step(LoopState(), LONG, NOW + timedelta(minutes=1))
    assert isinstance(step, Finish)
    assert step.status is RunStatus.TIMED_OUT


def test_after_compaction_counts_the_cost_and_no_turn() -> None:
    """The summary is where the run goes on from; its tokens are the run's."""
    usage = Usage(input_tokens=90, output_tokens=9, cost_micros=5)
    summed = TurnOutcome(head="s", stop=StopReason.END_TURN, usage=usage, conversation_tokens=9)
    state = LoopState().after_compaction(summed)
    assert (state.turn, state.head, state.compacted, state.stop) == (0, "s", True, None)
    assert (state.usage, state.conversation_tokens) == (usage, 9)
    # 99 of 100 tokens: the first turn may be taken, and a summary of 100 would be the end.
    assert next_step(state, LONG, NOW) == Think(turn=1)
    spent = state.model_copy(update={"usage": usage.plus(Usage(input_tokens=1))})
    assert isinstance(next_step(spent, LONG, NOW), Finish)


@pytest.mark.parametrize(
    ("stop", "category"),
    [
        (StopReason.END_TURN, FailureCategory.OUTCOME_INVALID),
        (StopReason.MAX_TOKENS, FailureCategory.OUTCOME_INVALID),
        (StopReason.TOOL_CALLS, FailureCategory.OUTCOME_INVALID),
        (StopReason.REFUSED, FailureCategory.REFUSED),
        (StopReason.CONTEXT_OVERFLOW, FailureCategory.CONTEXT_OVERFLOW),
    ],
)
def test_next_step_after_a_summary_that_is_none_ends_the_run_with_its_cost(
    stop: StopReason, category: FailureCategory
) -> None:
    """No turn begins with it; what it cost is the run's all the same."""
    usage = Usage(input_tokens=90, cost_micros=5)
    none = TurnOutcome(head="s", stop=stop, usage=usage, unusable="it is empty")
    state = LoopState().after_compaction(none)
    step = next_step(state, LONG, NOW)
    assert isinstance(step, Finish)
    assert (step.status, step.category) == (RunStatus.FAILED, category)
    assert step.reason == "the conversation could not be summed up: it is empty"
    assert state.usage == usage


@pytest.mark.parametrize(
    ("spent", "stops"), [(19_999, False), (20_000, True), (50_000, True), (None, False)]
)
def test_next_step_over_the_cost_ends_the_run(spent: int | None, stops: bool) -> None:
    """The cap on cost holds before every step; what is unpriced cannot be checked."""
    step = next_step(LoopState(turn=1, head="h", usage=Usage(cost_micros=spent)), DEAR, NOW)
    assert isinstance(step, Finish) is stops
    if isinstance(step, Finish):
        assert step.category is FailureCategory.LIMIT_REACHED
        assert step.reason.endswith("spent of $0.0200 (budget.run_usd)")


def test_next_step_after_a_refusal_tells_its_category() -> None:
    """What the provider says of its refusal is in the reason."""
    refused = TurnOutcome(head="h", stop=StopReason.REFUSED, details="cyber")
    step = next_step(LoopState().after_turn(refused), DEAR, NOW)
    assert isinstance(step, Finish)
    assert step.reason == "the model refused to answer (cyber)"
