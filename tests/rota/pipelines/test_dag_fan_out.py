"""Nodes with items: how many at once, in which order, and what they come to."""

from typing import Any

import pytest

from rota.failures import FailureCategory
from rota.pipelines.rules import MOST_AT_WORK
from rota.pipelines.run import NodeResult
from rota.pipelines.spec import MOST_ITEMS
from tests.rota.pipelines.dag_play import (
    FAILED,
    SKIPPED,
    SUCCEEDED,
    Play,
    by_name,
    done,
    failed,
    node,
)


def test_items_run_in_order_and_never_more_at_once_than_allowed() -> None:
    """As one ends the next begins."""
    play = Play({"fan": node(for_each=list(range(6)), parallel=2, input={"n": "{item}"})})
    play.step()
    assert play.runs() == ["fan/0", "fan/1"]
    play.end("fan", done("b"), 1)
    assert play.runs() == ["fan/0", "fan/1", "fan/2"]
    play.play(lambda start: done(start.input["n"]))
    assert play.runs() == [f"fan/{n}" for n in range(6)]
    assert play.result("fan").output == [0, "b", 2, 3, 4, 5]
    assert play.result("fan").attempts == 6


def test_items_of_all_nodes_together_are_bounded() -> None:
    """The server bears so many children at once and no more; as one ends the next begins."""
    fan = node(for_each=list(range(150)), parallel=150)
    play = Play({f"fan{n}": fan for n in range(8)}, room=2 * MOST_AT_WORK)
    moves = play.step()
    assert (len(play.working), moves.more) == (MOST_AT_WORK, False)
    play.end("fan0")
    assert len(play.working) == MOST_AT_WORK
    play.play(lambda start: done())
    assert len(play.started) == 8 * 150


def test_items_that_fail_fail_the_node_after_the_others_have_finished() -> None:
    """Each item is listed with its own end and reason."""
    play = Play({"fan": node(for_each=["x", "y", "z"], parallel=1), "join": node("fan")})
    play.play(lambda start: failed("boom") if start.item == 1 else done(start.item))
    fan = play.result("fan")
    assert fan.items is not None
    assert [item.status for item in fan.items] == [SUCCEEDED, FAILED, SUCCEEDED]
    assert (fan.status, fan.reason) == (
        FAILED,
        "1 of 3 items did not succeed: item 1 failed: boom",
    )
    assert fan.output == [0, None, 2]
    assert play.result("join").status is SKIPPED


def test_items_skipped_with_the_result_of_another_run_count_as_done() -> None:
    """An item that was already done has its output in the list, and its reason beside."""
    same = NodeResult(status=SKIPPED, reason="already done by r", output=5, output_digest="d")
    play = Play({"fan": node(for_each=[1, 2]), "join": node("fan")})
    play.play(lambda start: same if start.item == 0 else done(6))
    fan = play.result("fan")
    assert fan.items is not None
    assert (fan.status, fan.output, fan.items[0].reason) == (SUCCEEDED, [5, 6], "already done by r")


def test_items_none_skip_the_node() -> None:
    """Nothing to do is said, not passed over."""
    play = Play({"list": node(), "fan": node("list", for_each="{list.output}")})
    play.play(by_name(list=done([])))
    fan = play.result("fan")
    assert (fan.status, fan.reason, fan.items) == (
        SKIPPED,
        "nothing to do: for_each is empty",
        (),
    )


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ({"a": 1}, "for_each: {list.output} is a dict, not a list"),
        (None, "for_each: {list.output} is null, not a list"),
        (list(range(MOST_ITEMS + 1)), "for_each: 1001 items, at most 1000 can be worked through"),
    ],
)
def test_items_that_are_no_list_or_too_many_fail_the_node(output: Any, reason: str) -> None:
    """The node fails with the reason, and no run is started."""
    play = Play({"list": node(), "fan": node("list", for_each="{list.output}")})
    play.play(by_name(list=done(output)))
    fan = play.result("fan")
    assert (fan.status, fan.category, fan.reason) == (
        FAILED,
        FailureCategory.INVALID_REQUEST,
        reason,
    )
    assert play.runs() == ["list"]


def test_items_repeat_by_themselves() -> None:
    """Attempts count for each item."""
    play = Play({"fan": node(for_each=[1, 2], attempts=2)})
    play.play(lambda start: failed() if (start.item, start.attempt) == (0, 1) else done())
    assert play.runs() == ["fan/0", "fan/1", "fan/0#2"]
    assert play.result("fan").status is SUCCEEDED


def test_starts_are_bounded_however_much_could_start() -> None:
    """What does not fit says that there is more."""
    play = Play({f"n{i}": node() for i in range(120)})
    sizes = []
    while not sizes or play.moves.more:
        play.step()
        sizes.append(len(play.moves.starts))
    assert sizes == [50, 50, 20]
