"""From declarations to graphs."""

from pathlib import Path

from rota.pipelines.run import NodeResult
from rota.pipelines.spec import PipelineSpec
from rota.runs import RunStatus
from schedules.fleet import load_fleet
from workers.picture.graph import Edge
from workers.picture.of_fleet import fleet_graph
from workers.picture.of_pipeline import pipeline_graph
from workers.picture.tree import tree_lines

MORNING = PipelineSpec.model_validate(
    {
        "name": "morning-report",
        "schedule": {"cron": "0 6 * * 1-5", "timezone": "Europe/Berlin"},
        "emits": ["morning.done"],
        "nodes": {
            "report": {"agent": "report"},
            "email": {
                "agent": "mailer",
                "after": ["report"],
                "not_before": "06:15",
                "deadline": "2h",
                "attempts": 3,
                "on_failure": {"rerun_upstream": 2, "run": "alarm"},
            },
            "alarm": {"agent": "alarm"},
        },
    }
)


def test_pipeline_graph_shows_gates_conditions_topics_and_statuses() -> None:
    """What a reader must know of a node is on its box."""
    ends = {"report": NodeResult(status=RunStatus.SUCCEEDED)}
    assert tree_lines(pipeline_graph(MORNING, ends)) == [
        "morning-report · 0 6 * * 1-5 Europe/Berlin",
        "└─ report  succeeded",
        "   └─ email · mailer  not before 06:15  done by slot + 2h  3 attempts  "
        "re-runs a failed upstream up to 2 times",
        "      └─ alarm  (failed)",
        "         └─ morning.done  (emits)",
    ]


FLEET = """
name: a
runtime: {kind: scripted, turns: [{result: x}]}
tools: [agents.b, agents.c.transfer]
emits: [a.done]
---
name: b
runtime: {kind: scripted, turns: [{result: x}]}
needs: [{agent: a}]
on: [{event: a.done}]
---
name: c
runtime: {kind: scripted, turns: [{result: x}]}
---
kind: Pipeline
name: p
nodes: {c: {agent: c}}
"""


def test_fleet_graph_has_every_tie_between_agents(tmp_path: Path) -> None:
    """Events, needs, handoffs and pipelines are all there, each once."""
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "all.yaml").write_text(FLEET)
    graph = fleet_graph(load_fleet(tmp_path), {"a": "succeeded"})
    assert graph.vertices[0].status == "succeeded"
    assert set(graph.edges) == {
        Edge("a", "topic:a.done", "emits"),
        Edge("topic:a.done", "b", "starts"),
        Edge("a", "b", "needed by"),
        Edge("a", "b", "calls", dashed=True),
        Edge("a", "c", "transfers to", dashed=True),
        Edge("p", "c", "runs"),
    }
    assert len(graph.edges) == 6
