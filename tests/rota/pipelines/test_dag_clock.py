"""Gates, deadlines and the ends of a whole run."""

from datetime import UTC, datetime, timedelta

import pytest

from rota.runs import Trigger
from tests.rota.pipelines.dag_play import (
    CANCELLED,
    FAILED,
    SKIPPED,
    SUCCEEDED,
    T0,
    TIMED_OUT,
    Play,
    done,
    failed,
    node,
)

MAIL = {"report": node(), "mail": node("report", not_before="06:15")}


def test_not_before_holds_a_node_whose_upstream_is_ready() -> None:
    """Ready at once, it still goes out at 06:15 local time."""
    play = Play(MAIL)
    play.step()
    moves = play.end("report")
    assert (moves.starts, moves.wake) == ((), T0 + timedelta(minutes=15))
    assert [start.node for start in play.at("05:15").starts] == ["mail"]


def test_not_before_does_not_replace_the_upstream() -> None:
    """The clock gate and the dependency must both hold: a late report is waited for."""
    play = Play(MAIL)
    play.step()
    assert play.at("05:20").starts == ()
    assert [start.node for start in play.end("report").starts] == ["mail"]


def test_deadline_ends_a_node_at_work_once_its_run_has_ended() -> None:
    """The run is cancelled and waited for; the node is timed out, its siblings are not."""
    play = Play({"a": node(deadline="06:30", attempts=3), "b": node(), "c": node("a")})
    assert play.step().wake == T0 + timedelta(minutes=30)
    moves = play.at("05:30")
    assert [(cancel.node, cancel.index) for cancel in moves.cancels] == [("a", 0)]
    assert play.step().cancels == ()
    play.end("a", failed("cancelled", CANCELLED))
    assert (play.result("a").status, play.result("a").reason) == (
        TIMED_OUT,
        "not done by its deadline (06:30)",
    )
    assert play.result("c").reason == "a timed out: not done by its deadline (06:30)"
    assert play.runs() == ["a", "b"]


def test_deadline_that_the_run_itself_was_first_to_act_on_is_told_as_such() -> None:
    """The run is bound by the same time; it is not repeated, and the reason is the node's."""
    play = Play({"a": node(deadline="30m", attempts=3)})
    play.step()
    play.now += timedelta(minutes=30)
    play.end("a", failed("its own limit", TIMED_OUT))
    assert play.result("a").reason == "not done by its deadline (30m)"
    assert play.runs() == ["a"]


@pytest.mark.parametrize("first", ["the run", "the pipeline"])
def test_deadline_of_items_is_the_end_of_the_node_whoever_acts_on_it_first(first: str) -> None:
    """The last item at work knows the deadline, too, and may be quicker than its pipeline."""
    play = Play({"fan": node(for_each=[1, 2], deadline="30m", attempts=2)})
    play.step()
    play.end("fan", done(), 0)
    play.now = T0 + timedelta(minutes=30)
    if first == "the pipeline":
        play.step()
    play.end("fan", failed("its own limit", TIMED_OUT), 1)
    assert (play.result("fan").status, play.result("fan").reason) == (
        TIMED_OUT,
        "not done by its deadline (30m)",
    )


def test_deadline_of_items_that_only_pause_is_the_end_of_the_node() -> None:
    """Nothing is at work, and nothing more will be."""
    fan = node(for_each=[1, 2], deadline="30m", attempts=2, on_failure={"backoff": "1h"})
    play = Play({"fan": fan})
    play.step()
    for index in (0, 1):
        play.end("fan", failed(), index)
    play.at("05:30")
    assert play.result("fan").status is TIMED_OUT


def test_deadline_keeps_the_result_of_a_run_that_was_done_all_the_same() -> None:
    """Work that was finished while it was being told to stop is not thrown away."""
    play = Play({"a": node(deadline="30m")})
    play.step()
    play.at("05:30")
    play.end("a", done(1))
    assert play.result("a").status is SUCCEEDED


def test_deadline_ends_a_node_that_still_waits() -> None:
    """Also one whose upstream is late, and one that pauses between two attempts."""
    play = Play(
        {
            "a": node(),
            "b": node("a", deadline="30m"),
            "c": node(attempts=2, deadline="30m", on_failure={"backoff": "1h"}),
        }
    )
    play.step()
    play.end("c", failed())
    play.at("05:30")
    assert play.result("b").status is TIMED_OUT
    assert (play.result("c").status, play.result("c").attempts) == (TIMED_OUT, 1)


def test_deadline_allows_no_further_attempt_and_no_rerun() -> None:
    """Items that failed before are not begun anew after it."""
    play = Play(
        {
            "fan": node(for_each=[1, 2], deadline="30m"),
            "join": node("fan", on_failure={"rerun_upstream": 3}),
        }
    )
    play.step()
    play.end("fan", failed(), 0)
    play.at("05:30")
    play.end("fan", failed(), 1)
    assert play.runs() == ["fan/0", "fan/1"]
    assert play.result("fan").status is TIMED_OUT


@pytest.mark.parametrize(
    ("trigger", "status"),
    [
        (Trigger.SCHEDULE, TIMED_OUT),
        (Trigger.RERUN, SUCCEEDED),
        (Trigger.BACKFILL, SUCCEEDED),
        (Trigger.MANUAL, SUCCEEDED),
    ],
)
def test_deadline_already_past_binds_the_schedule_alone(trigger: Trigger, status: str) -> None:
    """Whoever runs yesterday's slot again means it, whatever its deadline was."""
    late = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
    play = Play({"a": node(deadline="08:00")}, trigger=trigger, started_at=late).play()
    assert play.result("a").status is status


def test_wall_clock_ends_the_whole_run() -> None:
    """What works is cancelled and waited for; what has not begun is skipped, alarms too."""
    nodes = {"a": node(on_failure={"run": "alarm"}), "b": node("a"), "alarm": node()}
    play = Play(nodes, deadline=T0 + timedelta(hours=1))
    play.step()
    assert len(play.at("06:00").cancels) == 1
    assert not play.moves.finished
    play.end("a", failed("", CANCELLED))
    assert play.moves.finished
    assert play.ends() == {"a": "timed_out", "b": "skipped", "alarm": "skipped"}
    assert play.whole().status is TIMED_OUT
    assert play.whole().reason == "the pipeline reached its limit (wall_clock)"


def test_wall_clock_does_not_undo_a_run_that_has_ended() -> None:
    """Asked again later, what has ended has ended as it did."""
    play = Play({"a": node()}, deadline=T0 + timedelta(hours=1)).play()
    play.at("06:00")
    assert play.moves.finished
    assert play.whole().status is SUCCEEDED


def test_cancel_ends_the_whole_run_as_cancelled() -> None:
    """The items that work are cancelled, the others never start."""
    play = Play({"fan": node(for_each=[1, 2, 3], parallel=1), "b": node("fan")})
    play.step()
    assert len(play.cancel().cancels) == 1
    play.end("fan", failed("cancelled by request", CANCELLED))
    assert play.runs() == ["fan/0"]
    assert play.ends() == {"fan": "cancelled", "b": "skipped"}
    assert play.result("b").reason == "not begun: cancelled by request"
    assert play.whole().status is CANCELLED


def test_node_cancelled_by_a_person_fails_the_pipeline() -> None:
    """Only the pipeline's own cancellation makes it cancelled."""
    play = Play({"a": node(), "b": node("a")}).play(lambda _: failed("by hand", CANCELLED))
    assert play.ends() == {"a": "cancelled", "b": "skipped"}
    assert (play.whole().status, play.whole().reason) == (FAILED, "a was cancelled: by hand")
    assert play.result("b").status is SKIPPED
