"""A pipeline's nodes as a graph: what follows what, behind which gates, and how it went. Pure."""

from collections.abc import Mapping
from datetime import timedelta

from rota.language.durations import format_duration
from rota.pipelines.run import NodeResult
from rota.pipelines.spec import After, NodeSpec, PipelineSpec
from workers.picture.graph import Edge, Graph, Kind, Vertex
from workers.picture.words import schedule_words

NOTE_LENGTH = 40
"""Characters of a condition or template that a box shows."""


def pipeline_graph(spec: PipelineSpec, ends: Mapping[str, NodeResult] | None = None) -> Graph:
    """Return the graph of a pipeline.

    Args:
        spec: the declaration.
        ends: how its nodes ended, or stand, in the run to be shown.
    """
    ends = ends or {}
    vertices = [
        Vertex(
            id=name,
            label=name if name == node.agent else f"{name} · {node.agent}",
            notes=_notes(node),
            status=ends[name].status.value if name in ends else "",
        )
        for name, node in spec.nodes.items()
    ]
    edges = [edge for name, node in spec.nodes.items() for edge in _edges(name, node)]
    for event in spec.emits:
        topic = f"topic:{event}"
        vertices.append(Vertex(topic, event, Kind.TOPIC))
        followed = {edge.source for edge in edges}
        edges += [Edge(name, topic, "emits") for name in spec.nodes if name not in followed]
    return Graph(spec.name, tuple(vertices), tuple(edges), schedule_words(spec.schedule))


def _edges(name: str, node: NodeSpec) -> list[Edge]:
    edges = [
        Edge(upstream, name, "" if after is After.SUCCEEDED else after.value, after is After.FAILED)
        for upstream, after in node.after.items()
    ]
    if node.on_failure.run is not None:
        edges.append(Edge(name, node.on_failure.run, "failed", dashed=True))
    return edges


def _notes(node: NodeSpec) -> tuple[str, ...]:
    notes: list[str] = []
    if node.not_before is not None:
        notes.append(f"not before {_gate(node.not_before)}")
    if node.deadline is not None:
        notes.append(f"done by {_gate(node.deadline)}")
    if node.when is not None:
        notes.append(f"when {_short(node.when)}")
    if node.for_each is not None:
        items = node.for_each if isinstance(node.for_each, str) else f"{len(node.for_each)} items"
        notes.append(f"for each of {_short(items)}, {node.parallel} at once")
    if node.attempts > 1:
        notes.append(f"{node.attempts} attempts")
    if node.on_failure.rerun_upstream:
        notes.append(f"re-runs a failed upstream up to {node.on_failure.rerun_upstream} times")
    return tuple(notes)


def _gate(gate: str | timedelta) -> str:
    return gate if isinstance(gate, str) else f"slot + {format_duration(gate)}"


def _short(text: str) -> str:
    return text if len(text) <= NOTE_LENGTH else text[: NOTE_LENGTH - 1] + "…"
