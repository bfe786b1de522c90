"""What a run does next about one of its needs."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rota.coordination.needing import (
    Ask,
    Listen,
    Met,
    Move,
    NeedProgress,
    Pause,
    begin,
    next_move,
    opening,
    overtaken,
)
from rota.coordination.spec import NeedSpec
from rota.coordination.upstream import NeedAnswer, UpstreamRun, UpstreamState
from rota.failures import FailureCategory
from rota.keepers.admission import RunRef
from rota.runs import RunStatus
from rota.turns.loop import Finish

SLOT = datetime(2026, 11, 22, 6, tzinfo=UTC)
DEADLINE = SLOT + timedelta(hours=1)
MINUTE = timedelta(minutes=1)
ME = RunRef(id="mail", key="key-of-mail")


def need(**fields: Any) -> NeedSpec:
    """A need of the report: two re-runs, five minutes apart."""
    declared = {"agent": "report", "on_failure": {"rerun": 2, "backoff": "5m"}}
    return NeedSpec.model_validate({**declared, **fields})


def upstream(name: str) -> UpstreamRun:
    """A run of the report."""
    return UpstreamRun(run=RunRef(id=name, key=f"key-of-{name}"), slot=SLOT, output=f"of-{name}")


def says(state: str, name: str | None = None, **fields: Any) -> NeedAnswer:
    """The keeper's answer."""
    return NeedAnswer(
        waiter=ME,
        upstream="report",
        state=UpstreamState(state),
        slot=SLOT,
        found=upstream(name) if name else None,
        **fields,
    )


def after(*answers: NeedAnswer, at: datetime = SLOT, **fields: Any) -> NeedProgress:
    """Progress of a run that heard these, each in answer to what it decided by itself."""
    progress = begin(need(**fields), SLOT, "UTC")
    for answer in answers:
        move = next_move(progress, at)
        if isinstance(move, Pause):
            at = move.until
            move = next_move(progress, at)
        assert isinstance(move, Ask), move
        progress = progress.asked(move, answer, at)
    return progress


FAILED = says("failed", "r1", reason="r1 is failed: no data")
LAST: dict[str, Any] = {"last": upstream("yesterday")}


@pytest.mark.parametrize(
    ("progress", "now", "move"),
    [
        pytest.param(after(), SLOT, Ask(), id="at first it asks"),
        pytest.param(
            after(), DEADLINE, Ask(last_call=True), id="a run that comes late asks for good"
        ),
        pytest.param(after(says("settled", "r1")), SLOT, Met(run=upstream("r1")), id="it is there"),
        pytest.param(
            after(says("pending", "r1")), SLOT, Listen(until=DEADLINE), id="it is on its way"
        ),
        pytest.param(
            after(says("missing")), SLOT, Listen(until=DEADLINE), id="it is not known yet"
        ),
        pytest.param(
            after(says("missing")), DEADLINE, Ask(last_call=True), id="at the deadline once more"
        ),
        pytest.param(
            after(says("missing")).asked(Ask(last_call=True), says("settled", "r1"), DEADLINE),
            DEADLINE,
            Met(run=upstream("r1")),
            id="there at the last call",
        ),
        pytest.param(
            after(FAILED), SLOT, Pause(until=SLOT + 5 * MINUTE), id="a failure is slept upon"
        ),
        pytest.param(
            after(FAILED),
            SLOT + 5 * MINUTE,
            Ask(rerun_of="key-of-r1"),
            id="then the run that failed is to be repeated",
        ),
        pytest.param(
            after(FAILED, on_failure={"rerun": 1, "backoff": "2h"}),
            SLOT,
            Pause(until=DEADLINE),
            id="no pause goes beyond the deadline",
        ),
        pytest.param(
            after(FAILED), DEADLINE, Ask(last_call=True), id="past the deadline nothing new begins"
        ),
        pytest.param(
            after(FAILED, says("failed", "r2")),
            SLOT + 5 * MINUTE,
            Pause(until=SLOT + 10 * MINUTE),
            id="the re-run failed, and one is left",
        ),
    ],
)
def test_next_move_table(progress: NeedProgress, now: datetime, move: Move) -> None:
    """One row per situation: what has been heard, when, and what follows."""
    assert next_move(progress, now) == move


@pytest.mark.parametrize(
    ("progress", "status", "category", "told"),
    [
        pytest.param(
            after(FAILED, says("failed", "r2"), says("failed", "r3", reason="r3 is failed")),
            RunStatus.FAILED,
            FailureCategory.UPSTREAM,
            "(failed: r3 is failed), re-run 2 times",
            id="every re-run failed",
        ),
        pytest.param(
            after(FAILED, on_failure={"rerun": 0}),
            RunStatus.FAILED,
            FailureCategory.UPSTREAM,
            "(failed: r1 is failed: no data)",
            id="no re-run is allowed",
        ),
        pytest.param(
            after(says("failed")),
            RunStatus.FAILED,
            FailureCategory.UPSTREAM,
            "(failed)",
            id="there is no run that could be repeated",
        ),
        pytest.param(
            after(says("missing", reason="no run is known"), at=DEADLINE),
            RunStatus.FAILED,
            FailureCategory.UPSTREAM,
            "no run is known), and waits no longer than 2026-11-22T07:00:00Z",
            id="it has not come",
        ),
        pytest.param(
            after(says("missing"), at=DEADLINE, otherwise="skip"),
            RunStatus.SKIPPED,
            None,
            "waits no longer",
            id="it has not come, and is not missed",
        ),
        pytest.param(
            after(says("missing"), at=DEADLINE, otherwise="use_last"),
            RunStatus.FAILED,
            FailureCategory.UPSTREAM,
            "there is no earlier result to use",
            id="it has not come, nor has any before",
        ),
    ],
)
def test_next_move_when_the_need_is_not_met_closes_the_run(
    progress: NeedProgress, status: RunStatus, category: FailureCategory | None, told: str
) -> None:
    """The end names the upstream, its slot and what was heard last."""
    move = next_move(progress, DEADLINE if progress.last_called else SLOT)
    assert isinstance(move, Finish)
    assert (move.status, move.category) == (status, category)
    assert move.reason.startswith("needs report 2026-11-22T06:00:00Z")
    assert told in move.reason


@pytest.mark.parametrize(
    "progress",
    [
        pytest.param(
            after(says("missing", **LAST), at=DEADLINE, otherwise="use_last"), id="missing"
        ),
        pytest.param(
            after(FAILED.model_copy(update=LAST), otherwise="use_last", on_failure={"rerun": 0}),
            id="failed",
        ),
    ],
)
def test_next_move_otherwise_use_last_takes_the_newest_result_there_is(
    progress: NeedProgress,
) -> None:
    """An old result is better than none, where the declaration says so."""
    assert next_move(progress, DEADLINE) == Met(run=upstream("yesterday"))


def test_heard_failure_that_was_answered_with_a_rerun_is_old_news() -> None:
    """A word of the keeper that comes late does not cost a second re-run."""
    progress = after(FAILED, says("pending", "r2"))
    assert progress.heard(FAILED, SLOT) == progress
    assert progress.heard(says("failed", "r2"), SLOT) != progress


def test_heard_success_of_the_rerun_meets_the_need() -> None:
    """The re-run's own result is the one that counts."""
    progress = after(FAILED, says("pending", "r2")).heard(says("settled", "r2"), SLOT)
    assert next_move(progress, SLOT) == Met(run=upstream("r2"))


@pytest.mark.parametrize(
    ("answer", "word", "expected"),
    [
        ("pending", "settled", True),
        ("missing", "failed", True),
        ("pending", None, False),
        ("settled", "failed", False),
        ("failed", "failed", False),
    ],
)
def test_overtaken_a_word_is_newer_than_an_answer_that_is_not_final(
    answer: str, word: str | None, expected: bool
) -> None:
    """What the keeper sends while it is asked must not be lost, nor undo a final answer."""
    assert overtaken(says(answer), says(word) if word else None) is expected


def test_begin_in_local_time_of_the_declaration() -> None:
    """A clock time means the schedule's zone, a duration the time after the slot."""
    berlin = begin(need(deadline="08:00"), SLOT, "Europe/Berlin")
    assert berlin.deadline == datetime(2026, 11, 22, 7, tzinfo=UTC)
    assert begin(need(deadline="2h"), SLOT, "Europe/Berlin").deadline == SLOT + 120 * MINUTE


def test_begin_with_a_bound_waits_no_longer_than_whatever_started_the_run() -> None:
    """A child's patience ends with its parent's."""
    assert begin(need(), SLOT, "UTC", SLOT + MINUTE).deadline == SLOT + MINUTE
    assert begin(need(), SLOT, "UTC", DEADLINE + MINUTE).deadline == DEADLINE


def test_opening_is_the_last_of_the_gates() -> None:
    """Work begins when every clock gate is open."""
    needs = (need(not_before="06:15"), need(not_before="30m"), need())
    assert opening(needs, SLOT, "UTC") == SLOT + 30 * MINUTE
    assert opening((need(),), SLOT, "UTC") is None


@given(
    st.lists(st.sampled_from(list(UpstreamState)), max_size=30),
    st.integers(0, 3),
    st.sampled_from(["fail", "skip", "use_last"]),
    st.integers(0, 90),
)
def test_next_move_whatever_the_keeper_says_the_wait_comes_to_an_end(
    states: list[UpstreamState], reruns: int, otherwise: str, minutes: int
) -> None:
    """Every need is decided by its deadline, with no more re-runs than it may have."""
    fields = {"otherwise": otherwise, "on_failure": {"rerun": reruns, "backoff": "5m"}}
    progress, now = begin(need(**fields), SLOT, "UTC"), SLOT + minutes * MINUTE
    script = iter(states)
    asked = 0
    for step in range(100):
        move = next_move(progress, now)
        if isinstance(move, Met | Finish):
            break
        if isinstance(move, Ask):
            asked += move.rerun_of is not None
            assert move.rerun_of is None or now < DEADLINE
            answer = says(next(script, "missing"), f"r{step}")
            progress = progress.asked(move, answer, now)
        else:
            assert now < move.until <= DEADLINE
            now = move.until
    else:
        pytest.fail("it asks for ever")
    assert asked <= reruns
