"""Attempts, re-runs that dependents ask for, and the pauses before them."""

from datetime import timedelta
from typing import Any

import pytest

from rota.failures import FailureCategory
from rota.pipelines.run import NodeResult
from rota.runs import RunStatus
from tests.rota.pipelines.dag_play import (
    BLOCKED,
    CANCELLED,
    FAILED,
    SKIPPED,
    SUCCEEDED,
    TIMED_OUT,
    Play,
    by_name,
    done,
    failed,
    node,
)


def test_attempts_repeat_the_node_alone_and_reuse_the_stored_result() -> None:
    """The mail fails twice: report once, mail three times."""
    play = Play(
        {"report": node(), "mail": node("report", attempts=3, input={"r": "{report.output}"})}
    )
    play.play(by_name(report=done(1), mail=[failed(), failed(), done()]))
    assert play.runs() == ["report", "mail", "mail#2", "mail#3"]
    assert [start.input for start in play.started[1:]] == [{"r": 1}] * 3
    assert play.result("mail").attempts == 3
    assert play.whole().status is SUCCEEDED


@pytest.mark.parametrize(
    ("status", "repeated"),
    [(FAILED, True), (BLOCKED, True), (TIMED_OUT, True), (SKIPPED, False), (CANCELLED, False)],
)
def test_attempts_repeat_failures_but_nothing_that_was_meant(
    status: RunStatus, repeated: bool
) -> None:
    """A skipped run, or one that somebody cancelled, is not run again."""
    play = Play({"a": node(attempts=2)}).play(by_name(a=failed("x", status)))
    assert play.runs() == (["a", "a#2"] if repeated else ["a"])
    assert play.result("a").status is status


def unknown(status: RunStatus = FAILED) -> NodeResult:
    """The end of a run that may have done its work."""
    category = FailureCategory.OUTCOME_UNKNOWN
    return NodeResult(status=status, reason="the line went dead", category=category)


ADVICE = "its effect is unknown, so it is not repeated: look, then run it again with `rota rerun "


@pytest.mark.parametrize(
    "nodes",
    [
        pytest.param({"mail": node(attempts=3)}, id="attempts"),
        pytest.param(
            {"mail": node(), "next": node("mail", on_failure={"rerun_upstream": 2})},
            id="a dependent asks",
        ),
        pytest.param(
            {
                "mail": node(attempts=2),
                "next": node("mail", on_failure={"rerun_upstream": 2}),
            },
            id="both",
        ),
    ],
)
@pytest.mark.parametrize("status", [FAILED, TIMED_OUT])
def test_run_of_unknown_effect_is_repeated_by_nothing(
    nodes: dict[str, Any], status: RunStatus
) -> None:
    """What may have been done is not done twice without a person's word; the reason says so."""
    play = Play(nodes).play(by_name(mail=unknown(status)))
    assert play.runs() == ["mail"]
    mail = play.result("mail")
    assert (mail.status, mail.attempts) == (status, 1)
    assert mail.reason.startswith(f"the line went dead; {ADVICE}")
    assert mail.reason.endswith("--from mail`")


def test_run_of_unknown_effect_that_nothing_would_repeat_says_no_more_than_it_did() -> None:
    """The advice answers a declaration that asks for repeats."""
    play = Play({"mail": node(), "next": node("mail")}).play(by_name(mail=unknown()))
    assert play.result("mail").reason == "the line went dead"


def test_item_of_unknown_effect_stands_while_the_others_are_repeated() -> None:
    """Each item is a run of its own; the node, and the whole, must not be repeated blindly."""
    play = Play({"fan": node(for_each=["x", "y"], attempts=2)})
    play.step()
    play.end("fan", failed(), 0)
    play.end("fan", unknown(), 1)
    play.end("fan", failed(), 0)
    assert play.runs() == ["fan/0", "fan/1", "fan/0#2"]
    assert play.result("fan").category is FailureCategory.OUTCOME_UNKNOWN
    assert play.whole().category is FailureCategory.OUTCOME_UNKNOWN


def test_pipeline_with_a_node_of_unknown_effect_is_of_unknown_effect() -> None:
    """Who repeats a pipeline repeats all of it, whichever node is named first."""
    play = Play({"a": node(), "b": node()}).play(by_name(a=failed(), b=unknown()))
    assert play.whole().category is FailureCategory.OUTCOME_UNKNOWN


def test_pipeline_cancelled_keeps_in_mind_a_run_of_unknown_effect() -> None:
    """That it was told to stop does not tell what it had done."""
    play = Play({"a": node()})
    play.step()
    play.cancel()
    play.end("a", unknown())
    whole = play.whole()
    assert (whole.status, whole.category) == (CANCELLED, FailureCategory.OUTCOME_UNKNOWN)


def test_rerun_upstream_runs_the_failed_node_again_and_then_goes_on() -> None:
    """The report fails twice: it ran three times, the mail once."""
    play = Play({"report": node(), "mail": node("report", on_failure={"rerun_upstream": 2})})
    play.play(by_name(report=[failed(), failed(), done()]))
    assert play.runs() == ["report", "report#2", "report#3", "mail"]
    assert play.result("report").attempts == 3


def test_rerun_upstream_used_up_lets_the_failure_stand() -> None:
    """As often as declared, and no more."""
    play = Play({"report": node(), "mail": node("report", on_failure={"rerun_upstream": 2})})
    play.play(by_name(report=failed("boom")))
    assert play.runs() == ["report", "report#2", "report#3"]
    assert play.result("mail").reason == "report failed: boom"


def test_rerun_upstream_asked_by_many_is_one_rerun() -> None:
    """However many ask, one re-run serves them all, and counts for each of them."""
    play = Play(
        {
            "report": node(),
            "mail": node("report", on_failure={"rerun_upstream": 1}),
            "chat": node("report", on_failure={"rerun_upstream": 2}),
            "print": node("report"),
        }
    )
    play.play(by_name(report=[failed(), failed(), done()]))
    assert play.runs() == ["report", "report#2", "report#3", "mail", "chat", "print"]


def test_rerun_upstream_asked_by_a_node_that_cannot_run_is_not_made() -> None:
    """Nothing is done again for nobody."""
    play = Play({"a": node(), "b": node(), "c": node("a", "b", on_failure={"rerun_upstream": 1})})
    play.step()
    play.end("a", failed())
    assert play.runs() == ["a", "b", "a#2"]
    play.end("a", failed())
    play.end("b", failed())
    assert play.moves.finished
    assert play.runs() == ["a", "b", "a#2"]


def test_rerun_upstream_does_not_undo_what_somebody_cancelled() -> None:
    """A person's word stands."""
    play = Play({"report": node(), "mail": node("report", on_failure={"rerun_upstream": 2})})
    play.play(by_name(report=failed("by hand", CANCELLED)))
    assert play.runs() == ["report"]


def test_rerun_upstream_makes_those_that_wait_for_the_failure_wait_for_it() -> None:
    """The alarm is not raised while the failure may still be mended."""
    play = Play(
        {
            "report": node(on_failure={"run": "alarm"}),
            "mail": node("report", on_failure={"rerun_upstream": 1}),
            "alarm": node(),
        }
    )
    play.step()
    play.end("report", failed())
    assert play.runs() == ["report", "report#2"]
    play.end("report", failed())
    assert play.runs() == ["report", "report#2", "alarm"]


def test_rerun_upstream_comes_after_the_attempts_of_the_node_itself() -> None:
    """A re-run is one further run: what a node costs at most can be counted."""
    play = Play(
        {"report": node(attempts=2), "mail": node("report", on_failure={"rerun_upstream": 1})}
    )
    play.play(by_name(report=failed()))
    assert play.runs() == ["report", "report#2", "report#3"]


def test_rerun_upstream_of_a_fan_out_repeats_the_failed_items_alone() -> None:
    """Items that succeeded keep their results."""
    play = Play(
        {
            "fan": node(for_each=["x", "y", "z"]),
            "join": node("fan", on_failure={"rerun_upstream": 1}, input={"all": "{fan.output}"}),
        }
    )
    play.step()
    play.end("fan", done(0), 0)
    play.end("fan", failed(), 1)
    play.end("fan", done(2), 2)
    assert play.runs() == ["fan/0", "fan/1", "fan/2", "fan/1#2"]
    play.end("fan", done(1), 1)
    assert play.started[-1].input == {"all": [0, 1, 2]}
    assert play.result("fan").attempts == 4


def test_backoff_is_kept_before_attempts_and_before_reruns() -> None:
    """Nothing starts before the pause is over; of several pauses asked for, the longest."""
    play = Play(
        {
            "a": node(attempts=2, on_failure={"backoff": "1m"}),
            "b": node("a", on_failure={"rerun_upstream": 1, "backoff": "5m"}),
            "c": node("a", on_failure={"rerun_upstream": 1, "backoff": "3m"}),
        }
    )
    play.step()
    moves = play.end("a", failed())
    assert (moves.starts, moves.wake) == ((), play.now + timedelta(minutes=1))
    assert play.after(timedelta(seconds=59)).starts == ()
    assert len(play.after(timedelta(seconds=1)).starts) == 1
    moves = play.end("a", failed())
    assert (moves.starts, moves.wake) == ((), play.now + timedelta(minutes=5))
    assert len(play.after(timedelta(minutes=5)).starts) == 1
    play.end("a")
    assert play.runs() == ["a", "a#2", "a#3", "b", "c"]
