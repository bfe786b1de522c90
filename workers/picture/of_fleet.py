"""A fleet as a graph: agents, pipelines and topics, and everything that ties them. Pure."""

from collections.abc import Mapping

from rota.coordination.handoffs import handoff_of
from rota.turns.calls import HandoffMode
from schedules.fleet import Fleet
from workers.picture.graph import Edge, Graph, Kind, Vertex
from workers.picture.words import schedule_words


def fleet_graph(fleet: Fleet, statuses: Mapping[str, str] | None = None) -> Graph:
    """Return the graph of a fleet.

    Args:
        fleet: its files.
        statuses: how the newest run of each agent and pipeline ended, by name.
    """
    statuses = statuses or {}
    vertices = [
        Vertex(
            id=name,
            label=name,
            kind=Kind.PIPELINE if name in fleet.pipelines else Kind.AGENT,
            notes=tuple(filter(None, (schedule_words(found.spec.schedule),))),
            status=statuses.get(name, ""),
        )
        for name, found in fleet.declarations.items()
    ]
    topics = dict.fromkeys(
        event
        for found in fleet.declarations.values()
        for event in (*found.spec.emits, *(s.event for s in found.spec.on))
    )
    vertices += [Vertex(f"topic:{event}", event, Kind.TOPIC) for event in topics]
    known = {vertex.id for vertex in vertices}
    edges = [edge for edge in _edges(fleet) if {edge.source, edge.target} <= known]
    return Graph(fleet.name, tuple(vertices), tuple(dict.fromkeys(edges)))


def _edges(fleet: Fleet) -> list[Edge]:
    edges: list[Edge] = []
    for name, found in fleet.declarations.items():
        edges += [Edge(name, f"topic:{event}", "emits") for event in found.spec.emits]
        edges += [
            Edge(f"topic:{s.event}", name, "starts" + (" if" if s.filter else ""))
            for s in found.spec.on
        ]
    for name, pipeline in fleet.pipelines.items():
        edges += [Edge(name, node.agent, "runs") for node in pipeline.spec.nodes.values()]
    for name, agent in fleet.agents.items():
        edges += [Edge(need.agent, name, "needed by") for need in agent.spec.needs]
        for tool in agent.spec.tools:
            handoff = handoff_of(tool)
            if handoff is not None:
                label = "calls" if handoff.mode is HandoffMode.CALL else "transfers to"
                edges.append(Edge(name, handoff.agent, label, dashed=True))
        graders = dict.fromkeys(agent.spec.graders.values())
        edges += [Edge(name, grader, "is graded by") for grader in graders]
    return edges
