"""An agent that cannot work is told of once."""

import pytest

from rota.failures import FailureCategory
from rota.keepers.blocked import MOST_REASONS
from rota.keepers.state import KeeperState
from rota.runs import RunStatus
from tests.rota.keepers.desks import Desk


def blocked(desk: Desk, name: str, reason: str = "no key", **settlement: object) -> bool:
    """A run ends as blocked; True if people were told of it before."""
    desk.admit(name)
    settlement = {"category": FailureCategory.AUTH, **settlement}
    return desk.settle(name, RunStatus.BLOCKED, reason=reason, **settlement).repeated


def test_blocked_run_after_another_with_the_same_reason_repeats_it() -> None:
    """However many there are."""
    desk = Desk()
    assert [blocked(desk, name) for name in "abc"] == [False, True, True]


def test_each_reason_is_told_once() -> None:
    """Two that take turns, such as two workers of which each lacks something, are two alerts."""
    desk = Desk()
    reasons = ["no key", "no tool", "no key", "no tool"]
    repeated = [blocked(desk, name, why) for name, why in zip("abcd", reasons, strict=True)]
    assert repeated == [False, False, True, True]
    assert not blocked(desk, "e", "no key", category=FailureCategory.QUOTA)


def test_reasons_that_are_remembered_are_bounded() -> None:
    """A keeper's state does not grow with them."""
    desk = Desk()
    for number in range(MOST_REASONS + 5):
        assert not blocked(desk, f"r{number}", f"reason {number}")
    assert len(desk.state.blocked) == MOST_REASONS


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("401: denied (req_011CVHX4a9)", "401: denied (req_77aXpd82kq)", True),
        ("since 2026-11-22T06:00:00Z", "since 2026-11-22T07:00:00Z", True),
        ("tool report2 is missing", "tool report3 is missing", False),
        ("401: denied", "403: denied", False),
    ],
)
def test_reason_is_the_same_although_ids_and_times_in_it_differ(
    first: str, second: str, same: bool
) -> None:
    """Providers name each request; what is short may be the point."""
    desk = Desk()
    blocked(desk, "a", first)
    assert blocked(desk, "b", second) is same


@pytest.mark.parametrize("status", [RunStatus.SKIPPED, RunStatus.CANCELLED])
def test_run_that_may_not_have_begun_does_not_make_it_news_again(status: RunStatus) -> None:
    """What came no further does not show that the agent can work."""
    desk = Desk()
    blocked(desk, "a")
    desk.admit("b")
    desk.settle("b", status)
    assert blocked(desk, "c")


@pytest.mark.parametrize(
    ("status", "reason"), [(RunStatus.CANCELLED, ""), (RunStatus.BLOCKED, "no tool")]
)
@pytest.mark.parametrize(("turns", "again"), [(2, False), (3, True)])
def test_run_that_came_further_than_the_blocked_one_makes_it_news_again(
    turns: int, again: bool, status: RunStatus, reason: str
) -> None:
    """However it ended: what had blocked the other was mended by then."""
    desk = Desk()
    blocked(desk, "a", turns=1)
    assert blocked(desk, "b", turns=2)
    desk.admit("c")
    desk.settle("c", status, reason=reason, turns=turns)
    assert blocked(desk, "d", turns=1) is not again


@pytest.mark.parametrize("status", [RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.TIMED_OUT])
def test_run_that_ended_otherwise_makes_it_news_again(status: RunStatus) -> None:
    """It was mended by then; a pipeline, and a session that failed at once, count no turns."""
    desk = Desk()
    blocked(desk, "a")
    desk.admit("b")
    desk.settle("b", status)
    assert not blocked(desk, "c")


def test_agent_that_was_declared_anew_is_told_of_again() -> None:
    """Somebody tried to mend it."""
    desk = Desk()
    blocked(desk, "a")
    desk.declare(digest="other")
    assert not blocked(desk, "b")


def test_report_that_comes_again_is_answered_as_the_first_time() -> None:
    """An answer that was lost costs nobody the alert."""
    desk = Desk()
    assert not blocked(desk, "a")
    assert not desk.settle("a", RunStatus.BLOCKED, reason="no key").repeated
    assert blocked(desk, "b")
    assert desk.settle("b", RunStatus.BLOCKED, reason="no key").repeated
    carried = KeeperState.model_validate_json(desk.state.model_dump_json())
    assert carried == desk.state
