"""What goes from one node into the next."""

from typing import Any

import pytest

from rota.failures import FailureCategory
from rota.pipelines.inputs import with_read
from rota.pipelines.run import NodeResult
from tests.rota.pipelines.dag_play import FAILED, SKIPPED, SUCCEEDED, Play, by_name, done, node

LARGE = NodeResult(status=SUCCEEDED, output=None, output_digest="d1", run_id="r-1")


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("{report.output.total}", 150),
        ("{report.status}/{report.run_id}", "succeeded/r-1"),
        ("{input.to}", "x@example.org"),
        ("{slot}", "2026-11-23T05:00:00Z"),
        ("{report.output.note|none}", "none"),
        (["{report.output}"], [{"total": 150}]),
    ],
)
def test_input_is_filled_from_the_nodes_before(template: Any, value: Any) -> None:
    """Paths over input, slot and earlier nodes; whole values keep their type."""
    play = Play(
        {"report": node(), "mail": node("report", input={"v": template})},
        input={"to": "x@example.org"},
    )
    play.play(by_name(report=done({"total": 150}, run_id="r-1")))
    assert play.started[-1].input == {"v": value}


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{report.output.sum}", "{report.output.sum}: no 'sum'; 'report.output' has total"),
        ("{other.output}", "{other.output}: no 'other'; the scope has input, slot"),
        ("{item}", "{item}: no 'item'; the scope has input, slot"),
    ],
)
def test_input_that_names_what_is_not_there_fails_the_node(template: str, reason: str) -> None:
    """Also a node that has ended but is not before this one: its result came by luck."""
    nodes = {
        "other": node(),
        "report": node("other"),
        "mail": {"agent": "a", "after": ["report"], "input": {"v": template}, "attempts": 5},
    }
    if "other" in template:
        nodes["report"] = node()
    play = Play(nodes).play(by_name(report=done({"total": 1})))
    mail = play.result("mail")
    assert (mail.status, mail.category) == (FAILED, FailureCategory.INVALID_REQUEST)
    assert mail.reason == f"input: {reason}"
    assert mail.attempts == 0


def test_item_input_that_cannot_be_filled_fails_that_item_alone() -> None:
    """The other items are worked through."""
    play = Play({"fan": node(for_each=[{"id": 1}, {}], input={"id": "{item.id}"})}).play()
    fan = play.result("fan")
    assert fan.items is not None
    assert [item.status for item in fan.items] == [SUCCEEDED, FAILED]
    assert play.runs() == ["fan/0"]


@pytest.mark.parametrize(
    "fields",
    [
        {"input": {"v": "{report.output.total}"}},
        {"when": "report.output.total > 1"},
        {"for_each": "{report.output.all}"},
    ],
)
def test_large_output_is_read_before_it_is_used(fields: dict[str, Any]) -> None:
    """The question is put again once the result is at hand: never answered without it."""
    nodes = {"report": node(), "mail": node("report", **fields)}
    play = Play(nodes)
    play.step()
    moves = play.end("report", LARGE)
    assert (moves.loads, moves.starts, moves.finished) == (("d1",), (), False)
    play.given = Play(nodes, outputs={"d1": {"total": 2, "all": [1]}}).given
    assert [start.node for start in play.step().starts] == ["mail"]


def test_large_output_that_is_not_named_is_not_read() -> None:
    """Its digest and status can be handed on as they are."""
    play = Play({"report": node(), "mail": node("report", input={"v": "{report.output_digest}"})})
    play.step()
    moves = play.end("report", LARGE)
    assert (moves.loads, moves.starts[0].input) == ((), {"v": "d1"})


def test_large_output_that_cannot_be_read_fails_the_node() -> None:
    """The reason says whose it is."""
    play = Play(
        {"report": node(), "mail": node("report", when="report.output")},
        refused={"d1": "3 MiB, at most 1 MiB can be handed on"},
    )
    play.play(by_name(report=LARGE))
    mail = play.result("mail")
    assert mail.reason == "output of report: 3 MiB, at most 1 MiB can be handed on"
    assert mail.status is FAILED


def test_large_outputs_of_items_come_in_their_places() -> None:
    """The list of a fan-out is whole, whichever of its results were large."""
    play = Play(
        {"fan": node(for_each=[1, 2]), "join": node("fan", input={"all": "{fan.output}"})},
        outputs={"d1": "large"},
    )
    play.play(lambda start: LARGE if start.item == 1 else done("small"))
    assert play.started[-1].input == {"all": ["small", "large"]}


def test_skipped_node_can_be_named_by_what_comes_after_it() -> None:
    """With `after: any` its status and reason are there to read."""
    play = Play(
        {
            "a": node(when="input.never"),
            "b": {"agent": "a", "after": {"a": "any"}, "input": {"s": "{a.status}: {a.reason}"}},
        }
    ).play()
    assert play.result("a").status is SKIPPED
    assert play.started[0].input == {"s": "skipped: when: input.never is false"}


def test_large_outputs_that_nothing_to_be_done_names_are_forgotten() -> None:
    """A long chain of large results holds no more of them than its next steps need."""
    by_digest = {"input": {"v": "{a.output_digest}"}}
    play = Play(
        {
            "a": node(),
            "b": node("a", input={"v": "{a.output}"}),
            "c": node("b", when="b.output.total > 1"),
            "d": node("c", **by_digest),
            "e": node("a", "c", input={"v": "{b.output.total|none}"}),
            "f": node("b", for_each="{b.output.all}"),
        }
    )
    play.step()
    play.end("a", LARGE)

    def read(digest: str) -> set[str]:
        output = {"total": 2, "all": [1]}
        play.given = with_read(play.given, play.plan, play.state, {digest: output}, {})
        return set(play.given.outputs)

    assert play.moves.loads == ("d1",)
    assert read("d1") == {"d1"}
    play.step()
    play.end("b", NodeResult(status=SUCCEEDED, output_digest="d2"))
    assert play.moves.loads == ("d2",)
    assert read("d2") == {"d2"}, "only b named what a came to, and has ended"
    play.step()
    play.end("c", done())
    assert read("d3") == {"d2", "d3"}, "e and f still name it"
    play.end("e", done())
    play.end("f", done(), 0)
    assert read("d4") == {"d4"}
