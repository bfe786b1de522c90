"""When a node starts, and why it does not."""

import pytest

from rota.pipelines.run import NodeResult
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

SAME = NodeResult(status=SKIPPED, reason="already done by r-1", output=1, output_digest="d")
TABLE = [
    # after, how the upstream ended, whether the node runs, else why not
    ("succeeded", done(), ""),
    ("succeeded", failed("boom"), "up failed: boom"),
    ("succeeded", failed("no key", BLOCKED), "up was blocked: no key"),
    ("succeeded", failed("by hand", CANCELLED), "up was cancelled: by hand"),
    ("succeeded", failed("", TIMED_OUT), "up timed out"),
    ("succeeded", failed("not today", SKIPPED), "up was skipped: not today"),
    ("succeeded", SAME, ""),
    ("failed", done(), "up did not fail"),
    ("failed", failed(), ""),
    ("failed", failed("", BLOCKED), ""),
    ("failed", failed("", CANCELLED), ""),
    ("failed", failed("", TIMED_OUT), ""),
    ("failed", failed("not today", SKIPPED), "up was skipped: not today"),
    ("finished", done(), ""),
    ("finished", failed(), ""),
    ("finished", failed("not today", SKIPPED), "up was skipped: not today"),
    ("finished", SAME, ""),
    ("any", done(), ""),
    ("any", failed(), ""),
    ("any", failed("not today", SKIPPED), ""),
]


@pytest.mark.parametrize(("after", "end", "why_not"), TABLE)
def test_edge_of_each_kind_lets_its_node_run_or_says_why_not(
    after: str, end: NodeResult, why_not: str
) -> None:
    """Every condition of `after` against every end of the node it names."""
    play = Play({"up": node(), "down": {"agent": "a", "after": {"up": after}}})
    play.play(by_name(up=end))
    status = SKIPPED if why_not else SUCCEEDED
    assert (play.result("down").status, play.result("down").reason) == (status, why_not)


def test_diamond_runs_its_join_once_after_both_sides() -> None:
    """The join waits for the slower side."""
    play = Play({"a": node(), "b": node("a"), "c": node("a"), "d": node("b", "c")})
    play.step()
    play.end("a")
    assert play.runs() == ["a", "b", "c"]
    play.end("c")
    assert play.runs() == ["a", "b", "c"]
    play.end("b")
    assert play.runs() == ["a", "b", "c", "d"]


def test_siblings_of_a_failed_node_finish_and_what_hangs_on_it_is_skipped() -> None:
    """One failure ends nothing but what needs it; the reason stays short down the chain."""
    play = Play(
        {
            "a": node(),
            "bad": node("a"),
            "good": node("a"),
            "x": node("bad"),
            "y": node("x"),
            "z": node("y", "good"),
        }
    )
    play.play(by_name(bad=failed("boom")))
    assert play.ends()["good"] == "succeeded"
    assert play.result("x").reason == "bad failed: boom"
    assert play.result("y").reason == "x was skipped: bad failed: boom"
    assert play.result("z").reason == "y was skipped: bad failed: boom"
    assert (play.whole().status, play.whole().reason) == (FAILED, "bad failed: boom")


def test_edge_that_can_no_longer_hold_skips_at_once_though_others_still_work() -> None:
    """Nobody waits to be told what is already certain."""
    play = Play({"a": node(), "b": node(), "c": node("a", "b")})
    play.step()
    play.end("a", failed())
    assert play.result("c").status is SKIPPED
    assert play.working.keys() == {("b", 0)}


def test_pipeline_with_skipped_nodes_succeeds() -> None:
    """A branch not taken is no failure."""
    play = Play({"a": node(), "b": node(when="a.output > 5"), "c": node("a", when="input.go")})
    play.play()
    assert play.ends() == {"a": "succeeded", "b": "skipped", "c": "skipped"}
    assert play.whole().status is SUCCEEDED


@pytest.mark.parametrize(
    ("when", "reason"),
    [
        ("report.output.total > 100", ""),
        ("report.output.total > 200", "when: report.output.total > 200 is false"),
        ('report.status == "succeeded" and slot', ""),
        ("input.force", "when: input.force is false"),
        ('report.run_id == "r-1"', ""),
        ("report.reason", "when: report.reason is false"),
    ],
)
def test_when_decides_over_input_slot_and_earlier_nodes(when: str, reason: str) -> None:
    """False means skipped, and the reason shows the condition."""
    play = Play({"report": node(), "mail": node("report", when=when)}, input={"force": False})
    play.play(by_name(report=done({"total": 150}, run_id="r-1")))
    assert play.result("mail").reason == reason
    assert play.result("mail").status is (SKIPPED if reason else SUCCEEDED)


def test_kept_node_is_not_run_again_and_its_result_is_used() -> None:
    """What an earlier run of the pipeline has done is taken over."""
    play = Play(
        {"report": node(), "mail": node("report", input={"n": "{report.output}"})},
        kept={"report": done(7), "gone": done()},
    )
    play.play()
    assert play.runs() == ["mail"]
    assert play.started[0].input == {"n": 7}
    assert play.result("report").kept
    assert not play.result("mail").kept


def test_on_failure_run_starts_only_after_the_failure_it_is_for() -> None:
    """The alarm runs when its node has failed for good; the pipeline has failed all the same."""
    nodes = {"work": node(attempts=2, on_failure={"run": "alarm"}), "alarm": node()}
    play = Play(nodes).play(by_name(work=failed("boom")))
    assert play.runs() == ["work", "work#2", "alarm"]
    assert play.whole().reason == "work failed: boom"
    play = Play(nodes).play()
    assert play.ends() == {"work": "succeeded", "alarm": "skipped"}
    assert play.result("alarm").reason == "work did not fail"
    assert play.whole().status is SUCCEEDED


def test_on_failure_run_shared_by_nodes_needs_one_failure() -> None:
    """One alarm for many: the first failure is enough, and without one none is raised."""
    nodes = {
        "a": node(on_failure={"run": "alarm"}),
        "b": node(on_failure={"run": "alarm"}),
        "alarm": node(),
    }
    play = Play(nodes)
    play.step()
    play.end("b", failed())
    assert play.runs() == ["a", "b", "alarm"]
    assert Play(nodes).play().result("alarm").reason == "none of a, b failed"
