"""Shapes on a page, before anyone has decided for SVG or PNG. Sizes are pixels."""

from dataclasses import dataclass

Point = tuple[float, float]


@dataclass(frozen=True)
class Box:
    """A rectangle with round corners."""

    x: float
    y: float
    width: float
    height: float
    radius: float
    fill: str
    stroke: str


@dataclass(frozen=True)
class Words:
    """A line of text, its base line at `y`."""

    x: float
    """Its middle; its beginning with `from_left`."""
    y: float
    text: str
    size: float
    colour: str
    from_left: bool = False
    rim: bool = False
    """Keep it readable where a line passes behind."""


@dataclass(frozen=True)
class Curve:
    """A cubic curve, with an arrow head at its end unless another one goes on there."""

    start: Point
    first: Point
    second: Point
    end: Point
    colour: str
    dashed: bool
    arrow: bool = True

    def points(self, count: int = 24) -> list[Point]:
        """Return points along the curve, both ends included."""
        return [self._at(step / count) for step in range(count + 1)]

    def _at(self, t: float) -> Point:
        weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
        corners = (self.start, self.first, self.second, self.end)
        x, y = (sum(w * c[axis] for w, c in zip(weights, corners, strict=True)) for axis in (0, 1))
        return x, y


@dataclass(frozen=True)
class Drawing:
    """A page; later shapes lie above earlier ones."""

    title: str
    width: float
    height: float
    shapes: tuple[Box | Words | Curve, ...]
