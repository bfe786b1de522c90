"""The tree and the Mermaid text of a graph."""

import pytest

from workers.picture.graph import Edge, Graph, Kind, Vertex
from workers.picture.mermaid import mermaid
from workers.picture.tree import tree_lines


def graph_of(*edges: str, title: str = "g") -> Graph:
    """A graph from `a>b`; a vertex alone is `a`."""
    names = dict.fromkeys(name for edge in edges for name in edge.split(">"))
    pairs = (edge.split(">") for edge in edges if ">" in edge)
    return Graph(title, tuple(map(Vertex, names, names)), tuple(Edge(a, b) for a, b in pairs))


@pytest.mark.parametrize(
    ("edges", "layers"),
    [
        (["a"], [["a"]]),
        (["a>b", "b>c", "a>c"], [["a"], ["b"], ["c"]]),
        (["a>b", "a>c", "b>d", "c>d"], [["a"], ["b", "c"], ["d"]]),
        (["a>b", "b>a"], [["a"], ["b"]]),
        (["a>b", "c"], [["a", "c"], ["b"]]),
    ],
)
def test_layers_follow_the_longest_way(edges: list[str], layers: list[list[str]]) -> None:
    """A vertex lies behind everything it follows; what closes a cycle counts for nothing."""
    found = [[vertex.id for vertex in row] for row in graph_of(*edges).layers()]
    assert found == layers


def test_tree_prints_each_vertex_once_and_names_what_else_it_follows() -> None:
    """A diamond's end hangs below one side and names the other."""
    assert tree_lines(graph_of("a>b", "a>c", "b>d", "c>d")) == [
        "g",
        "└─ a",
        "   ├─ b",
        "   │  └─ d  (also after c)",
        "   └─ c",
    ]


def test_tree_of_a_long_chain_is_printed_whole() -> None:
    """A pipeline of a thousand nodes is no deeper than Python can go."""
    chain = graph_of(*(f"n{i}>n{i + 1}" for i in range(999)))
    assert len(tree_lines(chain)) == 1001


def test_tree_of_a_cycle_ends() -> None:
    """Agents that start each other by events are printed once each."""
    assert len(tree_lines(graph_of("a>b", "b>c", "c>a"))) == 4


def test_mermaid_escapes_what_would_end_a_label() -> None:
    """A condition's quotes do not break the flowchart."""
    graph = Graph(
        'say "x"',
        (Vertex("a", "a", notes=('when b.status == "failed"',)), Vertex("t", "t", Kind.TOPIC)),
        (Edge("a", "t", 'if "x"', dashed=True),),
    )
    assert mermaid(graph).splitlines() == [
        "---",
        'title: "say \\"x\\""',
        "---",
        "flowchart LR",
        '  n0["a<br/>when b.status == #quot;failed#quot;"]',
        '  n1(["t"])',
        '  n0 -.->|"if #quot;x#quot;"| n1',
    ]
