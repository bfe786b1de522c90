"""What people are told of a pipeline, at work and ended."""

import pytest

from rota.pipelines.report import MEMO_ITEMS, ROWS, node_reports, table, without_outputs
from rota.pipelines.run import NodeResult, PipelineResult
from rota.runs import RunStatus, Trigger
from tests.rota.pipelines.dag_play import (
    BLOCKED,
    CANCELLED,
    FAILED,
    SUCCEEDED,
    Play,
    by_name,
    done,
    failed,
    node,
)


def lines(play: Play) -> list[str]:
    """The table's lines."""
    return table(play.plan, play.state).splitlines()


def test_table_says_what_each_node_waits_for_or_does() -> None:
    """One line per node, each after those it waits for."""
    play = Play(
        {
            "mail": node("report", "sum", not_before="06:15"),
            "report": node(attempts=2, on_failure={"backoff": "1m"}),
            "fan": node(for_each=[1, 2, 3], parallel=2),
            "sum": node("fan"),
            "late": node(not_before="07:00"),
        }
    )
    play.step()
    play.end("report", failed())
    play.end("fan", index=0)
    assert lines(play) == [
        "**4 waiting · 1 running**",
        "",
        "| node | status | |",
        "|---|---|---|",
        "| report | waiting | again at 2026-11-23T05:01:00Z |",
        "| fan | running | 1 of 3 items done |",
        "| late | waiting | not before 2026-11-23T06:00:00Z |",
        "| sum | waiting | after fan |",
        "| mail | waiting | after report, sum |",
    ]


def test_table_shows_the_reason_of_what_went_wrong_on_one_line() -> None:
    """A reason of many lines, or with a bar in it, does not break the table."""
    play = Play({"a": node(), "b": node("a")}).play(by_name(a=failed("no\nsuch | thing")))
    assert "| a | failed | no such \\| thing |" in lines(play)
    assert "| b | skipped | a failed: no such \\| thing |" in lines(play)


@pytest.mark.parametrize(
    ("ends", "status"),
    [
        ({"a": failed("no key", RunStatus.BLOCKED)}, RunStatus.BLOCKED),
        ({"a": failed("no key", RunStatus.BLOCKED), "c": failed()}, RunStatus.FAILED),
        (
            {"a": failed("no key", RunStatus.BLOCKED), "c": failed("", RunStatus.CANCELLED)},
            RunStatus.BLOCKED,
        ),
        ({"c": failed("", RunStatus.CANCELLED)}, RunStatus.FAILED),
    ],
)
def test_pipeline_in_which_nothing_but_blocked_nodes_went_wrong_is_blocked(
    ends: dict[str, NodeResult], status: RunStatus
) -> None:
    """As its node is: people are told of it once, and not for each slot."""
    play = Play({"a": node(), "b": node("a"), "c": node()}).play(by_name(**ends))
    assert play.whole().status is status


@pytest.mark.parametrize(
    ("ends", "status"),
    [
        ([BLOCKED, BLOCKED], BLOCKED),
        ([SUCCEEDED, BLOCKED], BLOCKED),
        ([CANCELLED, BLOCKED], BLOCKED),
        ([FAILED, BLOCKED], FAILED),
        ([CANCELLED, SUCCEEDED], FAILED),
    ],
)
def test_node_in_which_nothing_but_blocked_items_went_wrong_is_blocked(
    ends: list[RunStatus], status: RunStatus
) -> None:
    """A node of many runs is blocked as a node of one is, and so is its pipeline."""
    play = Play({"a": node(for_each=[0, 1])})
    play.play(lambda start: NodeResult(status=ends[start.index]))
    assert (play.result("a").status, play.whole().status) == (status, status)


def test_table_of_many_nodes_shows_what_matters_first() -> None:
    """Nodes at work and failed ones are never the ones left out."""
    nodes = {f"n{i}": node() for i in range(200)} | {"bad": node(), "open": node()}
    play = Play(nodes, room=500)
    play.step()
    for name in [*nodes][:200]:
        play.end(name)
    play.end("bad", failed())
    shown = lines(play)
    assert "| open | running |  |" in shown
    assert "| bad | failed | boom |" in shown
    assert shown[-1] == f"and {len(nodes) - ROWS} more"


def test_table_of_a_run_that_is_ending_says_why() -> None:
    """While the last runs are waited for, the reason is on top."""
    play = Play({"a": node(), "b": node("a")})
    play.step()
    play.cancel()
    assert lines(play)[0] == "**1 running · 1 skipped** · ending: cancelled by request"


def test_node_reports_list_every_item_as_it_stands() -> None:
    """Ended, at work, and still waiting for its turn."""
    play = Play({"fan": node(for_each=[1, 2, 3], parallel=1)})
    play.step()
    play.end("fan", done(1))
    fan = node_reports(play.plan, play.state)["fan"]
    assert fan.items is not None
    assert [item.status.value for item in fan.items] == ["succeeded", "running", "waiting"]
    assert (fan.status, fan.attempts) == (RunStatus.RUNNING, 2)


def test_node_reports_say_until_when_a_node_waits_for_the_clock() -> None:
    """A gate and a pause are named; a node that waits for another is just waiting."""
    play = Play(
        {
            "late": node(not_before="07:00"),
            "again": node(attempts=2, on_failure={"backoff": "1m"}),
            "after": node("again", not_before="07:00"),
        }
    )
    play.step()
    play.end("again", failed())
    reports = node_reports(play.plan, play.state)
    assert {report.status for report in reports.values()} == {RunStatus.WAITING}
    assert {name: report.reason for name, report in reports.items()} == {
        "late": "not before 2026-11-23T06:00:00Z",
        "again": "again at 2026-11-23T05:01:00Z",
        "after": "",
    }


@pytest.mark.parametrize(("count", "listed"), [(MEMO_ITEMS, True), (MEMO_ITEMS + 1, False)])
def test_result_without_outputs_is_small(count: int, listed: bool) -> None:
    """Outputs, long reasons and too many items stay out; statuses stay in."""
    items = tuple(NodeResult(status=SUCCEEDED, output="x" * 1000) for _ in range(count))
    fan = NodeResult(status=SUCCEEDED, reason="y" * 1000, output=["x"], items=items)
    result = PipelineResult(
        pipeline="p",
        run_id="p-1",
        status=SUCCEEDED,
        trigger=Trigger.MANUAL,
        nodes={"fan": fan},
        input={"secret": "large"},
    )
    small = without_outputs(result)
    assert (small.nodes["fan"].items is not None) is listed
    assert len(small.model_dump_json(exclude_defaults=True)) < 100 * 1000
    assert "xx" not in small.model_dump_json()
    assert small.nodes["fan"].status is SUCCEEDED
