"""A graph to be shown: what there is, how it hangs together, how it last went. Pure."""

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """What a vertex stands for."""

    AGENT = "agent"
    PIPELINE = "pipeline"
    TOPIC = "topic"


@dataclass(frozen=True)
class Vertex:
    """One agent, node, pipeline or topic."""

    id: str
    label: str
    kind: Kind = Kind.AGENT
    notes: tuple[str, ...] = ()
    """Gates and the like, each a few words: `not before 06:15`."""
    status: str = ""
    """How it last ended, in the words of `RunStatus`; empty if that is not known."""


@dataclass(frozen=True)
class Edge:
    """From what comes first to what follows."""

    source: str
    target: str
    label: str = ""
    dashed: bool = False
    """It does not always follow: on a failure only, or when a model decides so."""


@dataclass(frozen=True)
class Graph:
    """Vertices in the order of their declaration, and edges between them."""

    title: str
    vertices: tuple[Vertex, ...]
    edges: tuple[Edge, ...]
    subtitle: str = ""
    incoming: dict[str, list[Edge]] = field(init=False, repr=False, compare=False)
    outgoing: dict[str, list[Edge]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        incoming: dict[str, list[Edge]] = {vertex.id: [] for vertex in self.vertices}
        outgoing: dict[str, list[Edge]] = {vertex.id: [] for vertex in self.vertices}
        for edge in self.edges:
            outgoing[edge.source].append(edge)
            incoming[edge.target].append(edge)
        object.__setattr__(self, "incoming", incoming)
        object.__setattr__(self, "outgoing", outgoing)

    def layers(self) -> list[list[Vertex]]:
        """Return the vertices by their distance from a beginning, along the longest way.

        In a cycle, which events may form, the edge that closes it counts for nothing.
        """
        level = dict.fromkeys((vertex.id for vertex in self.vertices), 0)
        for edge in self._forward():
            level[edge.target] = max(level[edge.target], level[edge.source] + 1)
        rows: list[list[Vertex]] = [[] for _ in range(max(level.values(), default=-1) + 1)]
        for vertex in self.vertices:
            rows[level[vertex.id]].append(vertex)
        return rows

    def _forward(self) -> list[Edge]:
        """Edges so ordered that those into a vertex stand before those out of it."""
        missing = {vertex.id: len(self.incoming[vertex.id]) for vertex in self.vertices}
        free = deque(vertex.id for vertex in self.vertices if not missing[vertex.id])
        done: set[str] = set()
        ordered: list[Edge] = []
        while len(done) < len(self.vertices):
            if not free:  # a cycle: begin with its first vertex in the declaration
                free.append(next(v.id for v in self.vertices if v.id not in done))
            source = free.popleft()
            if source in done:
                continue
            done.add(source)
            for edge in self.outgoing[source]:
                if edge.target in done:
                    continue
                ordered.append(edge)
                missing[edge.target] -= 1
                if not missing[edge.target]:
                    free.append(edge.target)
        return ordered
