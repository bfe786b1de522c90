"""A graph as a Mermaid flowchart, which many wikis and code hosts draw."""

from workers.picture.graph import Graph, Kind, Vertex

_SHAPES = {Kind.AGENT: '["', Kind.PIPELINE: '[["', Kind.TOPIC: '(["'}
_CLOSE = {'["': '"]', '[["': '"]]', '(["': '"])'}


def mermaid(graph: Graph) -> str:
    """Return the text of the flowchart, one line per vertex and edge."""
    numbers = {vertex.id: f"n{index}" for index, vertex in enumerate(graph.vertices)}
    lines = ["---", f"title: {_quoted(graph.title)}", "---", "flowchart LR"]
    for vertex in graph.vertices:
        opening = _SHAPES[vertex.kind]
        text = "<br/>".join(_escaped(part) for part in _parts(vertex))
        lines.append(f"  {numbers[vertex.id]}{opening}{text}{_CLOSE[opening]}")
    for edge in graph.edges:
        arrow = "-.->" if edge.dashed else "-->"
        label = f'|"{_escaped(edge.label)}"|' if edge.label else ""
        lines.append(f"  {numbers[edge.source]} {arrow}{label} {numbers[edge.target]}")
    return "\n".join(lines) + "\n"


def _parts(vertex: Vertex) -> list[str]:
    return [vertex.label, *vertex.notes, *([vertex.status] if vertex.status else [])]


def _escaped(text: str) -> str:
    return text.replace("&", "#amp;").replace('"', "#quot;").replace("<", "#lt;")


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
