"""A declaration laid out for one run."""

from typing import Any

import pytest

from rota.pipelines.plan import Clock, PlanError, plan_of
from rota.pipelines.spec import PipelineSpec
from tests.rota.pipelines.dag_play import T0, node


def planned(nodes: dict[str, Any]) -> tuple[str, ...]:
    """The order of the nodes."""
    spec = PipelineSpec.model_validate({"name": "p", "nodes": nodes})
    return plan_of(spec, Clock(started_at=T0)).order


def test_order_puts_each_node_after_those_it_waits_for_else_as_declared() -> None:
    """Handlers come after what they handle."""
    nodes = {
        "z": node("a"),
        "alarm": node(),
        "a": node(on_failure={"run": "alarm"}),
        "m": node(),
    }
    assert planned(nodes) == ("a", "m", "z", "alarm")


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        (
            {"a": node("b"), "b": node("c"), "c": node("a")},
            "nodes wait for one another in a circle",
        ),
        ({"a": node("a")}, "nodes wait for one another in a circle: a -> a"),
        ({"a": node("b", on_failure={"run": "b"}), "b": node()}, "in a circle"),
        ({"a": node("b")}, "node 'a': after names no node 'b'"),
        ({"a": node(on_failure={"run": "b"})}, "node 'a': on_failure.run names no node 'b'"),
    ],
)
def test_plan_that_cannot_work_is_refused(nodes: dict[str, Any], message: str) -> None:
    """The nodes are named."""
    with pytest.raises(PlanError) as caught:
        planned(nodes)
    assert message in str(caught.value)
    assert all(name in str(caught.value) for name in nodes)
