"""Where everything goes: layers from left to right, few crossings, even gaps. Pure."""

from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

from workers.picture.drawing import Box, Curve, Drawing, Words
from workers.picture.graph import Edge, Graph, Kind, Vertex

MARGIN = 32.0
GAP_X, GAP_Y = 96.0, 28.0
LINE = 17.0
TITLE, LABEL, SMALL = 18.0, 14.0, 11.5
PADDING_X, PADDING_Y = 16.0, 11.0
GLYPH = 0.58
"""Width of an average letter, as a share of the font's size."""
SWEEPS = 4

INK, QUIET, LINE_COLOUR, PAGE = "#1f2933", "#616e7c", "#7b8794", "#ffffff"
_STATUS_COLOURS = {
    "succeeded": ("#e3f9e5", "#207227"),
    "failed": ("#ffe3e3", "#ab091e"),
    "blocked": ("#ffe3e3", "#ab091e"),
    "timed_out": ("#ffe3e3", "#ab091e"),
    "cancelled": ("#f5f7fa", "#616e7c"),
    "skipped": ("#f5f7fa", "#616e7c"),
    "running": ("#dceefb", "#0a558c"),
    "waiting": ("#fff8e1", "#8d6b00"),
    "queued": ("#fff8e1", "#8d6b00"),
    "awaiting_approval": ("#fff8e1", "#8d6b00"),
    "parked": ("#fff8e1", "#8d6b00"),
}
_KIND_COLOURS = {
    Kind.AGENT: ("#f5f7fa", "#52606d"),
    Kind.PIPELINE: ("#ede7f6", "#4527a0"),
    Kind.TOPIC: ("#fffbea", "#8d6b00"),
}


@dataclass(frozen=True)
class _Bend:
    """Where an edge passes a layer between its ends, so that it runs beside the boxes."""

    edge: int
    level: int

    @property
    def id(self) -> str:
        return f"\0{self.edge}/{self.level}"


_Item = Vertex | _Bend


def layout(graph: Graph) -> Drawing:
    """Return the drawing of `graph`: the same for the same graph."""
    columns, ways = _ways(graph)
    boxes = _boxes(_ordered(columns, ways))
    shapes: list[Box | Words | Curve] = []
    for edge, way in zip(graph.edges, ways, strict=True):
        shapes.extend(_line([boxes[name] for name in way], edge))
    for vertex in graph.vertices:
        box = boxes[vertex.id]
        shapes.append(box)
        shapes.extend(_words(vertex, box))
    right = max((box.x + box.width for box in boxes.values()), default=MARGIN)
    heading = " · ".join(filter(None, (graph.title, graph.subtitle)))
    width = max(right, MARGIN + _width(heading, TITLE)) + MARGIN
    bottom = max((box.y + box.height for box in boxes.values()), default=MARGIN)
    title = Words(MARGIN, MARGIN + 4, heading, TITLE, INK, from_left=True)
    return Drawing(graph.title, width, bottom + MARGIN, (title, *shapes))


def _ways(graph: Graph) -> tuple[list[list[_Item]], list[list[str]]]:
    """Return the layers with the bends in them, and what each edge passes, ends included."""
    columns: list[list[_Item]] = [list(row) for row in graph.layers()]
    level = {item.id: number for number, row in enumerate(columns) for item in row}
    ways: list[list[str]] = []
    for number, edge in enumerate(graph.edges):
        between = [_Bend(number, at) for at in range(level[edge.source] + 1, level[edge.target])]
        for bend in between:
            columns[bend.level].append(bend)
        ways.append([edge.source, *(bend.id for bend in between), edge.target])
    return columns, ways


def _ordered(columns: list[list[_Item]], ways: list[list[str]]) -> list[list[_Item]]:
    """Order each layer by the mean place of its neighbours, to and fro."""
    before: dict[str, list[str]] = defaultdict(list)
    after: dict[str, list[str]] = defaultdict(list)
    for way in ways:
        for left, right in pairwise(way):
            before[right].append(left)
            after[left].append(right)
    place: dict[str, float] = {}
    for column in columns:
        place |= _places(column)
    for sweep in range(SWEEPS):
        near = after if sweep % 2 else before
        for column in reversed(columns) if sweep % 2 else columns:
            mean = {
                item.id: fmean([place[name] for name in near[item.id]] or [place[item.id]])
                for item in column
            }
            column.sort(key=lambda item: mean[item.id])
            place |= _places(column)
    return columns


def _places(column: list[_Item]) -> dict[str, float]:
    return {item.id: index - (len(column) - 1) / 2 for index, item in enumerate(column)}


def _boxes(columns: list[list[_Item]]) -> dict[str, Box]:
    heights = [sum(_height(item) for item in c) + GAP_Y * (len(c) - 1) for c in columns]
    tallest = max(heights, default=0.0)
    boxes: dict[str, Box] = {}
    x = MARGIN
    for column, height in zip(columns, heights, strict=True):
        width = max((_box_width(item) for item in column), default=0.0)
        y = MARGIN + 2 * TITLE + (tallest - height) / 2
        for item in column:
            boxes[item.id] = _box(item, x, y, width)
            y += _height(item) + GAP_Y
        x += width + GAP_X
    return boxes


def _box(item: _Item, x: float, y: float, width: float) -> Box:
    height = _height(item)
    if isinstance(item, _Bend):
        return Box(x, y, width, height, 0.0, PAGE, PAGE)
    fill, stroke = _STATUS_COLOURS.get(item.status, _KIND_COLOURS[item.kind])
    radius = height / 2 if item.kind is Kind.TOPIC else 8.0
    return Box(x, y, width, height, radius, fill, stroke)


def _line(way: list[Box], edge: Edge) -> list[Words | Curve]:
    """Curves between the boxes of a way, straight through the bends; the label on the last."""
    shapes: list[Words | Curve] = []
    for index, (left, right) in enumerate(pairwise(way)):
        last = index == len(way) - 2
        start = (left.x + left.width, left.y + left.height / 2)
        end = (right.x - (3 if last else 0), right.y + right.height / 2)
        # Backwards, as in a cycle of events, the bend is what shows the way.
        reach = max((end[0] - start[0]) / 2, 40.0)
        first, second = (start[0] + reach, start[1]), (end[0] - reach, end[1])
        curve = Curve(start, first, second, end, LINE_COLOUR, edge.dashed, arrow=last)
        shapes.append(curve)
        if not last:
            there = (right.x + right.width, end[1])
            shapes.append(Curve(end, end, there, there, LINE_COLOUR, edge.dashed, arrow=False))
        elif edge.label:
            x, y = curve.points(2)[1]
            shapes.append(Words(x, y + 4, edge.label, SMALL, QUIET, rim=True))
    return shapes


def _words(vertex: Vertex, box: Box) -> list[Words]:
    lines = _lines(vertex)
    x, y = box.x + box.width / 2, box.y + PADDING_Y + LABEL - 2
    return [
        Words(x, y + index * LINE, text, size, INK if index == 0 else QUIET)
        for index, (text, size) in enumerate(lines)
    ]


def _lines(vertex: Vertex) -> list[tuple[str, float]]:
    small = [*vertex.notes, *([vertex.status] if vertex.status else [])]
    return [(vertex.label, LABEL), *((text, SMALL) for text in small)]


def _height(item: _Item) -> float:
    if isinstance(item, _Bend):
        return 2.0
    return len(_lines(item)) * LINE + 2 * PADDING_Y - 4


def _box_width(item: _Item) -> float:
    if isinstance(item, _Bend):
        return 0.0
    return max(_width(text, size) for text, size in _lines(item)) + 2 * PADDING_X


def _width(text: str, size: float) -> float:
    return len(text) * size * GLYPH
