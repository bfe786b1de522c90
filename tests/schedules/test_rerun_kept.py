"""Which nodes a re-run of a pipeline keeps; pure."""

from datetime import UTC, datetime

import pytest

from rota.coordination.lineage import Lineage
from rota.pipelines.run import NodeResult
from rota.pipelines.spec import PipelineSpec
from rota.runs import RunStatus
from schedules.rerun import RerunError, kept_from_failed, kept_from_node, rerun_lineage

SPEC = PipelineSpec.model_validate(
    {
        "name": "morning",
        "nodes": {
            "report": {"agent": "a"},
            "check": {"agent": "a"},
            "mail": {"agent": "a", "after": ["report"], "on_failure": {"run": "alarm"}},
            "archive": {"agent": "a", "after": {"mail": "finished"}},
            "alarm": {"agent": "a"},
            "sorry": {"agent": "a", "after": {"report": "failed"}},
        },
    }
)
ENDS = {
    "report": NodeResult(status=RunStatus.SUCCEEDED, run_id="m-1/report", output={"total": 3}),
    "check": NodeResult(status=RunStatus.FAILED, reason="no answer"),
    "mail": NodeResult(status=RunStatus.FAILED, reason="no server"),
    "archive": NodeResult(status=RunStatus.SUCCEEDED, output_digest="d"),
    "alarm": NodeResult(status=RunStatus.SUCCEEDED),
    "sorry": NodeResult(status=RunStatus.SKIPPED, reason="report did not fail"),
}


def test_rerun_from_failed_keeps_what_succeeded_with_its_output() -> None:
    """Kept are the very ends of the earlier run; skipped nodes are looked at again."""
    assert kept_from_failed(SPEC, ENDS) == {n: ENDS[n] for n in ("report", "archive", "alarm")}


def test_rerun_from_failed_keeps_a_node_whose_work_another_run_had_done() -> None:
    """Skipped with a result is as good as succeeded; without one it is not."""
    done = NodeResult(status=RunStatus.SKIPPED, output_digest="d", reason="already done")
    assert list(kept_from_failed(SPEC, {"report": done, "sorry": ENDS["sorry"]})) == ["report"]


KEPT_FROM = [
    ("mail", {"report", "check", "sorry"}),
    ("archive", {"report", "check", "mail", "alarm", "sorry"}),
    ("report", {"check"}),
    ("check", {"report", "mail", "archive", "alarm", "sorry"}),
    ("alarm", {"report", "check", "mail", "archive", "sorry"}),
]


@pytest.mark.parametrize(("node", "kept"), KEPT_FROM)
def test_rerun_from_a_node_keeps_all_but_it_and_what_comes_after_it(
    node: str, kept: set[str]
) -> None:
    """Good ends and bad ones; a node that handles a failure comes after the one that failed."""
    assert set(kept_from_node(SPEC, ENDS, node)) == kept


def test_rerun_from_a_node_keeps_nothing_of_a_node_that_was_still_at_work() -> None:
    """A terminated run may leave nodes in the middle: they have no end to keep."""
    ends = {**ENDS, "check": NodeResult(status=RunStatus.RUNNING)}
    assert "check" not in kept_from_node(SPEC, ends, "mail")


def test_rerun_drops_nodes_that_are_not_declared_any_more() -> None:
    """The declaration in force decides which nodes there are."""
    ends = {**ENDS, "gone": ENDS["report"]}
    assert "gone" not in kept_from_failed(SPEC, ends)
    assert "gone" not in kept_from_node(SPEC, ends, "mail")


IMPOSSIBLE = [
    ("mial", "has no node 'mial'; did you mean 'mail'"),
    ("sorry", "sorry could not run: report did not fail"),
]


@pytest.mark.parametrize(("node", "told"), IMPOSSIBLE)
def test_rerun_from_a_node_that_cannot_run_is_refused(node: str, told: str) -> None:
    """Nothing is started that could only be skipped."""
    with pytest.raises(RerunError, match=told):
        kept_from_node(SPEC, ENDS, node)


SLOT = datetime(2026, 11, 22, 6, tzinfo=UTC)
BELOW = Lineage(root="p-1", parent="p-1", pipeline="p", node="n", occasion="p@x/n", deadline=SLOT)
EVENT = Lineage(root="topic:done", parent="topic:done", occasion="event:e1")
HANDED = Lineage(root="a-1", parent="a-1", agents=("a",))


@pytest.mark.parametrize(
    ("lineage", "slot", "occasion"),
    [
        (None, None, "key-1"),
        (BELOW, SLOT, "p@x/n"),
        (BELOW, None, "p@x/n"),
        (EVENT, None, "event:e1"),
        (HANDED, None, "key-1"),
        (HANDED, SLOT, ""),
    ],
)
def test_rerun_has_the_occasion_of_the_first_run(
    lineage: Lineage | None, slot: datetime | None, occasion: str
) -> None:
    """Idempotency keys come from what they came from before; no deadline is inherited."""
    made = rerun_lineage(lineage, "r-1", "key-1", slot)
    assert made is not None
    assert (made.occasion, made.deadline) == (occasion, None)
    assert made.root == (lineage.root if lineage else "r-1")


def test_rerun_of_a_slot_needs_no_lineage() -> None:
    """The slot gives the keys, and the run is a root of its own."""
    assert rerun_lineage(None, "r-1", "key-1", SLOT) is None
