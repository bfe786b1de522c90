"""The turn loop's decisions as a table: what comes next, and which rule comes first."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rota.budgets.spec import OnExceeded
from rota.conversation import StopReason
from rota.failures import FailureCategory
from rota.runs import RunStatus
from rota.turns.calls import AnswerRef, CallRef, ResultRef
from rota.turns.deciding import next_step
from rota.turns.limits import Limits
from rota.turns.loop import Finish, LoopState, RunTools, Think, TurnOutcome
from rota.usage import Usage

NOW = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
LIMITS = Limits(
    turns=3, tokens=100, deadline=NOW + timedelta(minutes=1), on_exceeded=OnExceeded.FAIL
)
CALL = CallRef(index=0, name="calc.add")
GOOD = AnswerRef(digest="good", output=1)
BAD = AnswerRef(digest="bad", problems=("total: missing",))
USED_UP = Usage(input_tokens=60, output_tokens=40)

STOPS = [
    (StopReason.MAX_TOKENS, FailureCategory.OUTCOME_INVALID, "output limit"),
    (StopReason.REFUSED, FailureCategory.REFUSED, "refused"),
    (StopReason.CONTEXT_OVERFLOW, FailureCategory.CONTEXT_OVERFLOW, "context window"),
]


def state(**fields: Any) -> LoopState:
    """A state after one turn unless said otherwise."""
    return LoopState.model_validate({"turn": 1, "head": "h", **fields})


def test_next_step_at_the_start_is_the_first_turn() -> None:
    """A run begins by thinking."""
    assert next_step(LoopState(), LIMITS, NOW) == Think(turn=1)


@pytest.mark.parametrize("stop", [StopReason.TOOL_CALLS, StopReason.PAUSED])
def test_next_step_with_open_calls_runs_all_of_them(stop: StopReason) -> None:
    """Calls are executed before the model is asked again, however the turn stopped."""
    calls = (CALL, CallRef(index=1, name="calc.add"))
    assert next_step(state(stop=stop, calls=calls), LIMITS, NOW) == RunTools(calls=calls)


@pytest.mark.parametrize("stop", [StopReason.TOOL_CALLS, StopReason.PAUSED])
def test_next_step_without_calls_or_answer_goes_on(stop: StopReason) -> None:
    """After the tools, and after a pause, comes the next turn."""
    assert next_step(state(stop=stop), LIMITS, NOW) == Think(turn=2)


def test_next_step_with_a_verified_answer_succeeds() -> None:
    """Only an answer without problems is success."""
    step = next_step(state(stop=StopReason.END_TURN, answer=GOOD), LIMITS, NOW)
    assert step == Finish(status=RunStatus.SUCCEEDED, answer=GOOD)


@pytest.mark.parametrize(("stop", "category", "words"), STOPS)
@pytest.mark.parametrize("answer", [None, GOOD])
@pytest.mark.parametrize("calls", [(), (CALL,)])
def test_next_step_after_a_bad_stop_fails_by_name(
    stop: StopReason,
    category: FailureCategory,
    words: str,
    answer: AnswerRef | None,
    calls: tuple[CallRef, ...],
) -> None:
    """A cut or refused turn is never success and never acts, whatever it holds."""
    step = next_step(state(stop=stop, answer=answer, calls=calls), LIMITS, NOW)
    assert isinstance(step, Finish)
    assert (step.status, step.category) == (RunStatus.FAILED, category)
    assert words in step.reason


def test_next_step_with_a_bad_answer_asks_once_to_mend_it() -> None:
    """The model gets its problems back once; a second bad answer is the end."""
    first = state(stop=StopReason.END_TURN, answer=BAD)
    assert next_step(first, LIMITS, NOW) == Think(turn=2, repair=BAD.problems)
    outcome = TurnOutcome(head="h2", stop=StopReason.END_TURN, answer=BAD)
    step = next_step(first.after_turn(outcome), LIMITS, NOW)
    assert isinstance(step, Finish)
    assert step.reason == "the result does not fit the output schema: total: missing"
    assert step.category is FailureCategory.OUTCOME_INVALID


def test_next_step_after_a_repair_that_used_tools_asks_no_second_time() -> None:
    """Tool calls in the repairing turn do not win another repair."""
    mended = state(stop=StopReason.END_TURN, answer=BAD).after_turn(
        TurnOutcome(head="h2", stop=StopReason.TOOL_CALLS, calls=(CALL,))
    )
    assert next_step(mended, LIMITS, NOW) == RunTools(calls=(CALL,))
    mended = mended.after_tools((ResultRef(index=0, digest="d"),))
    assert next_step(mended, LIMITS.model_copy(update={"turns": 9}), NOW) == Think(turn=3)
    again = mended.after_turn(TurnOutcome(head="h3", stop=StopReason.END_TURN, answer=BAD))
    assert isinstance(next_step(again, LIMITS, NOW), Finish)


EXCEEDED: list[tuple[str, dict[str, Any], datetime, RunStatus]] = [
    ("wall_clock", {}, LIMITS.deadline, RunStatus.TIMED_OUT),
    ("run_tokens", {"usage": USED_UP}, NOW, RunStatus.FAILED),
    ("max_turns", {"turn": 3}, NOW, RunStatus.FAILED),
]


@pytest.mark.parametrize(("key", "fields", "now", "status"), EXCEEDED)
@pytest.mark.parametrize("waiting", [{}, {"calls": (CALL,)}, {"answer": BAD}])
def test_next_step_at_a_limit_stops_before_every_kind_of_step(
    key: str, fields: dict[str, Any], now: datetime, status: RunStatus, waiting: dict[str, Any]
) -> None:
    """No turn, no tool and no repair beyond a limit; the reason names the key to change."""
    step = next_step(state(**fields, **waiting), LIMITS, now)
    assert isinstance(step, Finish)
    assert (step.status, step.category) == (status, FailureCategory.LIMIT_REACHED)
    assert key in step.reason


@pytest.mark.parametrize(("key", "fields", "now", "status"), EXCEEDED)
def test_next_step_finished_beats_every_limit(
    key: str, fields: dict[str, Any], now: datetime, status: RunStatus
) -> None:
    """Work that is done and paid for is not thrown away."""
    del key, status
    step = next_step(state(**fields, answer=GOOD, stop=StopReason.END_TURN), LIMITS, now)
    assert isinstance(step, Finish)
    assert step.status is RunStatus.SUCCEEDED


def test_next_step_just_below_every_limit_goes_on() -> None:
    """Limits are reached, not approached."""
    almost = state(turn=2, usage=Usage(input_tokens=99), calls=(CALL,))
    now = LIMITS.deadline - timedelta(microseconds=1)
    assert isinstance(next_step(almost, LIMITS, now), RunTools)


def test_next_step_counts_cached_tokens() -> None:
    """A token limit counts what the model read from a cache too."""
    used = state(usage=Usage(cache_read_tokens=50, cache_write_tokens=50))
    assert isinstance(next_step(used, LIMITS, NOW), Finish)


def test_loop_out_of_time_says_whose_deadline_it_was() -> None:
    """A node ended by its pipeline's deadline is not told to raise its own budget."""
    own = next_step(LoopState(), LIMITS, LIMITS.deadline)
    lent = next_step(LoopState(), LIMITS.model_copy(update={"lent": True}), LIMITS.deadline)
    assert isinstance(own, Finish)
    assert isinstance(lent, Finish)
    assert "budget.wall_clock" in own.reason
    assert "budget.wall_clock" not in lent.reason
    assert "whatever started it" in lent.reason


def test_next_step_without_a_token_limit_never_counts_them() -> None:
    """None is no limit."""
    limits = Limits(turns=3, tokens=None, deadline=LIMITS.deadline)
    assert next_step(state(usage=Usage(input_tokens=10**9)), limits, NOW) == Think(turn=2)


def test_after_tools_keeps_patches_in_order_and_hands_results_on_once() -> None:
    """Memory patches pile up over the run; results go to the next turn only."""
    first = state(patches=("p0",), tool_calls=1, calls=(CALL,)).after_tools(
        (
            ResultRef(index=0, digest="d0", patch="p1"),
            ResultRef(index=1, digest="d1"),
            ResultRef(index=2, digest="d2", patch="p2"),
        )
    )
    assert first.patches == ("p0", "p1", "p2")
    assert (first.tool_calls, first.calls, len(first.results)) == (4, (), 3)
    after = first.after_turn(TurnOutcome(head="h2", stop=StopReason.TOOL_CALLS))
    assert (after.results, after.patches, after.turn) == ((), first.patches, 2)


OVER = AnswerRef(digest="over", output={"transferred_to": {"agent": "b", "run_id": "b-1"}})


def test_next_step_after_a_transfer_ends_the_run() -> None:
    """Another agent goes on: the run has succeeded, whichever call of its turn it was."""
    calls = (CALL, CallRef(index=1, name="agents.b.transfer"), CallRef(index=2, name="calc.add"))
    done = state(stop=StopReason.TOOL_CALLS, calls=calls).after_tools(
        (
            ResultRef(index=0, digest="d0", patch="p"),
            ResultRef(index=1, digest="over", transfer=OVER),
            ResultRef(index=2, digest="d2", is_error=True),
        )
    )
    assert (done.patches, done.tool_calls) == (("p",), 3)
    assert next_step(done, LIMITS, NOW) == Finish(status=RunStatus.SUCCEEDED, answer=OVER)


def test_next_step_after_a_refused_transfer_goes_on() -> None:
    """A handoff that was refused is an error like another: the model reads it."""
    calls = (CallRef(index=0, name="agents.b.transfer"),)
    refused = ResultRef(index=0, digest="why", is_error=True)
    done = state(stop=StopReason.TOOL_CALLS, calls=calls).after_tools((refused,))
    assert next_step(done, LIMITS, NOW) == Think(turn=2)


@pytest.mark.parametrize(("key", "fields", "now", "status"), EXCEEDED)
def test_next_step_after_a_transfer_beats_every_limit(
    key: str, fields: dict[str, Any], now: datetime, status: RunStatus
) -> None:
    """Work that another run has taken over must not be told as failed."""
    del key, status
    step = next_step(state(**fields, transfer=OVER), LIMITS, now)
    assert step == Finish(status=RunStatus.SUCCEEDED, answer=OVER)


OUTCOMES = st.builds(
    TurnOutcome,
    head=st.just("h"),
    stop=st.sampled_from(StopReason),
    calls=st.lists(st.builds(CallRef, index=st.integers(0, 3), name=st.just("t")), max_size=3).map(
        tuple
    ),
    answer=st.sampled_from([None, GOOD, BAD]),
    usage=st.builds(Usage, input_tokens=st.integers(0, 40)),
)


@given(st.lists(OUTCOMES, min_size=20, max_size=20))
def test_loop_always_ends_within_its_turns(outcomes: list[TurnOutcome]) -> None:
    """Whatever the model does, a run ends after at most `max_turns` turns."""
    here = LoopState()
    for outcome in outcomes:
        step = next_step(here, LIMITS, NOW)
        if isinstance(step, RunTools):
            here = here.after_tools(tuple(ResultRef(index=c.index, digest="d") for c in step.calls))
            step = next_step(here, LIMITS, NOW)
        if isinstance(step, Finish):
            break
        assert isinstance(step, Think)
        assert step.turn == here.turn + 1 <= LIMITS.turns
        here = here.after_turn(outcome)
    assert isinstance(next_step(here, LIMITS, NOW), Finish)


def test_next_step_without_anybody_to_mend_it_a_bad_answer_fails() -> None:
    """A session that cannot be told more is not asked for a better answer."""
    told = next_step(state(answer=BAD), LIMITS, NOW)
    untold = next_step(state(answer=BAD), LIMITS.model_copy(update={"repairs": False}), NOW)
    assert isinstance(told, Think)
    assert isinstance(untold, Finish)
    assert untold.category is FailureCategory.OUTCOME_INVALID
