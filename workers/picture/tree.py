"""A graph as an indented tree for a terminal."""

from collections.abc import Callable, Iterator

from workers.picture.graph import Edge, Graph, Vertex


def tree_lines(graph: Graph, show_status: Callable[[str], str] = str) -> list[str]:
    """Return one line per vertex, each below the first that it follows.

    A vertex that follows several is printed once, and names the others.

    Args:
        graph: what to print.
        show_status: makes a status fit for the terminal.
    """
    heading = graph.title + (f" · {graph.subtitle}" if graph.subtitle else "")
    below = _placed(graph)
    by_id = {vertex.id: vertex for vertex in graph.vertices}
    lines = [heading]
    # Depth first with a stack of its own: a chain may be longer than Python's.
    stack = [*_entries(below[""], "")]
    while stack:
        edge, name, prefix, last = stack.pop(0)
        vertex = by_id[name]
        lines.append(prefix + ("└─ " if last else "├─ ") + _text(graph, vertex, edge, show_status))
        stack[:0] = _entries(below[name], prefix + ("   " if last else "│  "))
    return lines


_Entry = tuple[Edge | None, str, str, bool]


def _entries(children: list[tuple[Edge | None, str]], prefix: str) -> Iterator[_Entry]:
    for number, (edge, name) in enumerate(children, start=1):
        yield edge, name, prefix, number == len(children)


def _placed(graph: Graph) -> dict[str, list[tuple[Edge | None, str]]]:
    """Return for each vertex what is printed below it; for the empty name the roots.

    Breadth first by layers, so that each vertex hangs as deep as it lies.
    """
    below: dict[str, list[tuple[Edge | None, str]]] = {v.id: [] for v in graph.vertices}
    below[""] = []
    rows = graph.layers()
    depth = {vertex.id: level for level, row in enumerate(rows) for vertex in row}
    for row in rows:
        for vertex in row:
            above = [e for e in graph.incoming[vertex.id] if depth[e.source] < depth[vertex.id]]
            if above:
                deepest = max(above, key=lambda edge: depth[edge.source])
                below[deepest.source].append((deepest, vertex.id))
            else:
                below[""].append((None, vertex.id))
    return below


def _text(
    graph: Graph, vertex: Vertex, edge: Edge | None, show_status: Callable[[str], str]
) -> str:
    others = [e.source for e in graph.incoming[vertex.id] if edge is None or e != edge]
    parts = [vertex.label]
    if edge is not None and edge.label:
        parts.append(f"({edge.label})")
    if others:
        parts.append("(also after " + ", ".join(others) + ")")
    parts += vertex.notes
    if vertex.status:
        parts.append(show_status(vertex.status))
    return "  ".join(parts)
