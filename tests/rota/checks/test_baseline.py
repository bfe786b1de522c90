"""The rules of a session's baseline, as tables and as invariants."""

from collections.abc import Callable
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rota.checks.baseline import (
    BY_LIMIT,
    HISTORY,
    NOTE_LIMIT,
    BaselineMode,
    BaselineRefusedError,
    BaselineRequest,
    BaselineState,
    Word,
    accept,
    known,
    reject,
    succeeded,
)
from tests.rota.checks.baselines import NOW, result, says, standing

Judge = Callable[[BaselineState, BaselineRequest, datetime], BaselineState]
Play = tuple[tuple[str, str, int], ...]
MANUAL, AUTO = BaselineMode.MANUAL, BaselineMode.AUTO


def played(mode: BaselineMode | None, play: Play) -> BaselineState:
    """What is known after those steps: `ran`, `accepts` or `rejects`, a digest, a night."""
    state = BaselineState()
    for step, digest, night in play:
        if step == "ran":
            state = succeeded(state, mode, result(digest, night), NOW)
        else:
            state = (accept if step == "accepts" else reject)(state, says(digest), NOW)
    return state


@pytest.mark.parametrize(
    ("mode", "play", "expected"),
    [
        pytest.param(None, (("ran", "a", 1),), ("-", "-", "-"), id="no-key"),
        pytest.param(MANUAL, (("ran", "a", 1),), ("-", "a", "-"), id="waits-for-a-person"),
        pytest.param(AUTO, (("ran", "a", 1),), ("a", "-", "-"), id="auto"),
        pytest.param(
            MANUAL, (("ran", "a", 1), ("accepts", "a", 0)), ("a", "-", "-"), id="accepted"
        ),
        pytest.param(
            MANUAL, (("ran", "a", 1), ("ran", "b", 2)), ("-", "b", "-"), id="newer-replaces"
        ),
        pytest.param(MANUAL, (("ran", "b", 2), ("ran", "a", 1)), ("-", "b", "-"), id="older-rerun"),
        pytest.param(
            AUTO, (("ran", "b", 2), ("ran", "a", 1)), ("b", "-", "-"), id="auto-older-rerun"
        ),
        pytest.param(AUTO, (("ran", "a", 1), ("ran", "b", 1)), ("b", "-", "-"), id="same-slot"),
        pytest.param(
            MANUAL,
            (("ran", "b", 2), ("accepts", "b", 0), ("ran", "a", 1)),
            ("b", "-", "-"),
            id="older-rerun-after-accept",
        ),
        pytest.param(
            MANUAL,
            (("ran", "a", 1), ("accepts", "a", 0), ("ran", "b", 2), ("ran", "a", 3)),
            ("a", "-", "-"),
            id="back-at-the-baseline",
        ),
        pytest.param(
            MANUAL,
            (
                *(("ran", "a", 1), ("accepts", "a", 0), ("ran", "b", 2), ("ran", "a", 3)),
                ("ran", "b", 2),
            ),
            ("a", "-", "-"),
            id="older-rerun-after-no-news",
        ),
        pytest.param(
            MANUAL, (("ran", "a", 1), ("rejects", "a", 0)), ("-", "-", "a"), id="rejected"
        ),
        pytest.param(
            MANUAL,
            (("ran", "a", 1), ("rejects", "a", 0), ("ran", "b", 2)),
            ("-", "b", "a"),
            id="rejection-is-remembered",
        ),
        pytest.param(
            MANUAL,
            (("ran", "a", 1), ("rejects", "a", 0), ("ran", "b", 2), ("accepts", "b", 0)),
            ("b", "-", "-"),
            id="rejection-ends-with-an-accept",
        ),
        pytest.param(
            AUTO,
            (("ran", "a", 1), ("ran", "b", 2), ("rejects", "b", 0)),
            ("a", "-", "b"),
            id="taken-back",
        ),
        pytest.param(
            AUTO,
            (("ran", "a", 1), ("ran", "b", 2), ("rejects", "b", 0), ("rejects", "a", 0)),
            ("-", "-", "a"),
            id="all-taken-back",
        ),
        pytest.param(
            MANUAL,
            (
                *(("ran", "a", 1), ("accepts", "a", 0), ("ran", "b", 2), ("accepts", "b", 0)),
                *(("ran", "a", 3), ("rejects", "b", 0)),
            ),
            ("a", "-", "b"),
            id="falls-back-to-the-candidate-itself",
        ),
    ],
)
def test_baseline_moves_as_told_and_never_back_in_time(
    mode: BaselineMode | None, play: Play, expected: tuple[str, str, str]
) -> None:
    """What the baseline, the candidate and the rejected result are after each play."""
    assert standing(played(mode, play)) == expected


@pytest.mark.parametrize("judge", [accept, reject])
def test_judging_again_changes_nothing(judge: Judge) -> None:
    """An answer that was lost may be asked for again."""
    state = judge(played(MANUAL, (("ran", "a", 1),)), says("a"), NOW)
    assert judge(state, says("a", "another note"), NOW) == state


def test_accepting_what_is_no_longer_the_candidate_is_refused_and_names_the_one_that_is() -> None:
    """Nobody accepts what he has not looked at."""
    state = played(MANUAL, (("ran", "a", 1), ("ran", "b", 2)))
    with pytest.raises(BaselineRefusedError, match="b of check-2 is; look at it"):
        accept(state, says("a"), NOW)
    with pytest.raises(BaselineRefusedError, match="there is none now"):
        accept(played(MANUAL, ()), says("a"), NOW)


def test_rejecting_what_is_neither_candidate_nor_baseline_is_refused() -> None:
    """A result that was replaced is nobody's business any more."""
    with pytest.raises(BaselineRefusedError, match="not the candidate"):
        reject(played(MANUAL, (("ran", "a", 1), ("ran", "b", 2))), says("a"), NOW)


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        pytest.param(says("a", by=" "), "say who", id="nobody"),
        pytest.param(says("a", by="x" * (BY_LIMIT + 1)), "shorten 'by'", id="long-name"),
        pytest.param(says("a", "x" * (NOTE_LIMIT + 1)), "shorten it", id="long-note"),
    ],
)
def test_judgement_without_a_name_or_too_long_is_refused(
    request_: BaselineRequest, said: str
) -> None:
    """What the keeper carries for ever has a bound, and an author."""
    state = played(MANUAL, (("ran", "a", 1),))
    for judge in (accept, reject):
        with pytest.raises(BaselineRefusedError, match=said):
            judge(state, request_, NOW)


def test_run_is_given_nothing_unless_its_agent_keeps_a_baseline() -> None:
    """Without the key a run is as it was; with it, it learns what was said."""
    state = played(MANUAL, (("ran", "a", 1), ("accepts", "a", 0)))
    assert known(state, None, None) is None
    assert known(played(MANUAL, (("ran", "a", 1),)), MANUAL, None) is None
    given = known(state, MANUAL, None)
    assert given is not None
    assert given.digest == "a"


@pytest.mark.parametrize(
    ("night", "digest"),
    [
        pytest.param(None, "c", id="no-slot"),
        pytest.param(5, "c", id="next"),
        pytest.param(4, "a", id="rerun-of-the-accepted"),
        pytest.param(3, "a", id="older-and-rejected-between"),
        pytest.param(1, None, id="first"),
    ],
)
def test_run_for_a_slot_compares_with_what_stood_before_it(
    night: int | None, digest: str | None
) -> None:
    """A re-run is not given its own first result, and no run one that was taken back."""
    plays = (("ran", "a", 1), ("ran", "b", 2), ("rejects", "b", 0), ("ran", "c", 4))
    slot = None if night is None else result("any", night).slot
    given = known(played(AUTO, plays), AUTO, slot)
    assert (given.digest if given else None) == digest


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["ran", "accepts", "rejects"]), st.sampled_from("abc"), st.integers(0, 5)
    ),
    max_size=80,
)


@given(STEPS, st.sampled_from(BaselineMode))
def test_baseline_is_always_a_result_that_was_accepted_and_not_rejected_since(
    steps: list[tuple[str, str, int]], mode: BaselineMode
) -> None:
    """Whatever comes in whatever order; and a success alone never takes it back in time."""
    state = BaselineState()
    for step in steps:
        before = state
        try:
            if step[0] == "ran":
                state = succeeded(state, mode, result(*step[1:]), NOW)
            else:
                state = (accept if step[0] == "accepts" else reject)(state, says(step[1]), NOW)
        except BaselineRefusedError:
            assert state == before
        assert len(state.history) <= HISTORY
        last_words = {each.digest: each.word for each in state.history}
        if state.accepted is not None:
            assert last_words[state.accepted.digest] is Word.ACCEPTED
            if state.candidate is not None:
                assert state.candidate.digest != state.accepted.digest
        if mode is AUTO and step[0] == "ran":
            assert state.candidate is None
        if step[0] == "ran" and state.accepted != before.accepted:
            assert mode is AUTO
            assert state.accepted is not None
            times = [each.stands_for for each in (before.accepted, before.candidate) if each]
            assert all(state.accepted.stands_for >= time for time in times)
        if state.newest is not None and before.newest is not None:
            assert state.newest >= before.newest
