"""A drawing as PNG, for chats and documents that show no SVG."""

import io
from math import atan2, cos, sin

from PIL import Image, ImageDraw, ImageFont

from workers.picture.drawing import Box, Curve, Drawing, Point, Words
from workers.picture.layout import PAGE

SCALE = 2
"""Pixels per unit, for sharp text on today's screens."""
MOST_PIXELS = 100_000_000
"""Beyond this a picture helps nobody; SVG has no limit."""
_ON, _OFF = 2, 1
"""Dashes: steps of the curve that are drawn, and left out."""


class TooLargeError(ValueError):
    """The picture would be too large for PNG."""


def png(drawing: Drawing) -> bytes:
    """Return the bytes of the PNG file.

    Raises:
        TooLargeError: it would have more than `MOST_PIXELS`.
    """
    width, height = round(drawing.width * SCALE), round(drawing.height * SCALE)
    if width * height > MOST_PIXELS:
        raise TooLargeError(f"{width} x {height} pixels are too many for PNG; write SVG instead")
    image = Image.new("RGB", (width, height), PAGE)
    draw = ImageDraw.Draw(image)
    for shape in drawing.shapes:
        if isinstance(shape, Box):
            _box(draw, shape)
        elif isinstance(shape, Words):
            font = ImageFont.load_default(shape.size * SCALE)
            place = (shape.x * SCALE, shape.y * SCALE)
            draw.text(
                place,
                shape.text,
                shape.colour,
                font=font,
                anchor="ls" if shape.from_left else "ms",
                stroke_width=4 if shape.rim else 0,
                stroke_fill=PAGE,
            )
        else:
            _curve(draw, shape)
    data = io.BytesIO()
    image.save(data, "PNG")
    return data.getvalue()


def _box(draw: ImageDraw.ImageDraw, box: Box) -> None:
    corners = (box.x, box.y, box.x + box.width, box.y + box.height)
    draw.rounded_rectangle(
        [value * SCALE for value in corners],
        radius=box.radius * SCALE,
        fill=box.fill,
        outline=box.stroke,
        width=3,
    )


def _curve(draw: ImageDraw.ImageDraw, curve: Curve) -> None:
    points = [(x * SCALE, y * SCALE) for x, y in curve.points()]
    for index in range(len(points) - 1):
        if not curve.dashed or index % (_ON + _OFF) < _ON:
            draw.line([points[index], points[index + 1]], curve.colour, width=3)
    if curve.arrow:
        draw.polygon(_head(points[-2], points[-1]), fill=curve.colour)


def _head(before: Point, end: Point) -> list[Point]:
    angle = atan2(end[1] - before[1], end[0] - before[0])
    size = 7.0 * SCALE
    wings = [
        (end[0] - size * cos(angle + turn), end[1] - size * sin(angle + turn))
        for turn in (0.45, -0.45)
    ]
    return [end, *wings]
