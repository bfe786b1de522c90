"""Layout, SVG and PNG of a graph."""

import io
from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from PIL import Image

from workers.picture.drawing import Box, Words
from workers.picture.graph import Edge, Graph, Vertex
from workers.picture.layout import layout
from workers.picture.png import SCALE, TooLargeError, png
from workers.picture.svg import svg

NAMES = [f"v{i}" for i in range(8)]
GRAPHS = st.lists(
    st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)).filter(lambda e: e[0] != e[1]),
    max_size=16,
    unique=True,
).map(
    lambda pairs: Graph(
        "any",
        tuple(Vertex(name, f"the node {name}") for name in NAMES),
        tuple(Edge(a, b, "then") for a, b in pairs),
    )
)


@given(GRAPHS)
def test_layout_lets_no_boxes_overlap_and_keeps_them_on_the_page(graph: Graph) -> None:
    """Whatever the graph, cycles included, each vertex has a place of its own."""
    drawing = layout(graph)
    boxes = [shape for shape in drawing.shapes if isinstance(shape, Box)]
    assert len(boxes) == len(graph.vertices)
    for box in boxes:
        assert box.x >= 0
        assert box.y >= 0
        assert box.x + box.width <= drawing.width
        assert box.y + box.height <= drawing.height
    for a, b in combinations(boxes, 2):
        apart = a.x + a.width <= b.x or b.x + b.width <= a.x
        assert apart or a.y + a.height <= b.y or b.y + b.height <= a.y


def test_layout_is_the_same_for_the_same_graph() -> None:
    """A picture under version control changes only when the graph does."""
    graph = Graph("g", (Vertex("a", "a"), Vertex("b", "b")), (Edge("a", "b"),))
    assert svg(layout(graph)) == svg(layout(graph))


def test_layout_leads_a_long_edge_around_the_boxes_between() -> None:
    """An edge that skips a layer does not run through what lies there."""
    names = "abc"
    graph = Graph(
        "g",
        tuple(Vertex(name, name) for name in names),
        (Edge("a", "b"), Edge("b", "c"), Edge("a", "c")),
    )
    drawing = layout(graph)
    middle = [shape for shape in drawing.shapes if isinstance(shape, Box)][1]
    crossing = [
        point
        for shape in drawing.shapes
        if not isinstance(shape, Box | Words)
        for point in shape.points()
        if middle.x < point[0] < middle.x + middle.width
        and middle.y < point[1] < middle.y + middle.height
    ]
    assert not crossing


def test_svg_is_well_formed_and_escapes_text() -> None:
    """Any label is text, never markup."""
    graph = Graph("<g> & co", (Vertex("a", "a < b & c", notes=('when "x"',)),), ())
    root = etree.fromstring(svg(layout(graph)).encode())
    texts = [element.text for element in root.iter("{*}text")]
    assert texts == ["<g> & co", "a < b & c", 'when "x"']


def test_png_has_the_size_of_the_drawing_and_ink_on_it() -> None:
    """The picture can be opened, and is not empty."""
    drawing = layout(Graph("g", (Vertex("a", "a", status="failed"),), ()))
    image = Image.open(io.BytesIO(png(drawing)))
    assert image.size == (round(drawing.width * SCALE), round(drawing.height * SCALE))
    assert len(image.getcolors(1 << 24) or []) > 10


def test_png_that_nobody_could_open_is_refused() -> None:
    """A graph of very many nodes in a row asks for SVG instead of gigabytes."""
    names = [f"v{i}" for i in range(1500)]
    vertices = tuple(Vertex(name, name * 20) for name in names)
    edges = tuple(Edge(a, b) for a, b in pairwise(names))
    with pytest.raises(TooLargeError, match="SVG"):
        png(layout(Graph("g", vertices, edges)))
