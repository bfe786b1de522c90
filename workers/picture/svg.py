"""A drawing as SVG: one file, no references, readable without styles."""

from xml.sax.saxutils import escape, quoteattr

from workers.picture.drawing import Box, Curve, Drawing, Words
from workers.picture.layout import LINE_COLOUR, PAGE

FONTS = "system-ui, -apple-system, 'Segoe UI', 'Noto Sans', 'DejaVu Sans', Arial, sans-serif"
_ARROW = (
    '<marker id="arrow" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" '
    f'orient="auto-start-reverse"><path d="M0 0 L10 5 L0 10 z" fill="{LINE_COLOUR}"/></marker>'
)

_RIM = f' stroke="{PAGE}" stroke-width="4" paint-order="stroke"'


def svg(drawing: Drawing) -> str:
    """Return the text of the SVG file."""
    width, height = (_number(size) for size in (drawing.width, drawing.height))
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" font-family={quoteattr(FONTS)}>',
        f"<title>{escape(drawing.title)}</title>",
        f"<defs>{_ARROW}</defs>",
        f'<rect width="{width}" height="{height}" fill="{PAGE}"/>',
        *(_shape(shape) for shape in drawing.shapes),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _shape(shape: Box | Words | Curve) -> str:
    if isinstance(shape, Box):
        return (
            f'<rect x="{_number(shape.x)}" y="{_number(shape.y)}" '
            f'width="{_number(shape.width)}" height="{_number(shape.height)}" '
            f'rx="{_number(shape.radius)}" fill="{shape.fill}" stroke="{shape.stroke}" '
            'stroke-width="1.5"/>'
        )
    if isinstance(shape, Words):
        return (
            f'<text x="{_number(shape.x)}" y="{_number(shape.y)}" font-size="{shape.size}" '
            f'fill="{shape.colour}" text-anchor="{"start" if shape.from_left else "middle"}"'
            f"{_RIM if shape.rim else ''}>{escape(shape.text)}</text>"
        )
    corners = [shape.start, shape.first, shape.second, shape.end]
    start, *rest = (f"{_number(x)} {_number(y)}" for x, y in corners)
    dash = ' stroke-dasharray="5 4"' if shape.dashed else ""
    head = ' marker-end="url(#arrow)"' if shape.arrow else ""
    return (
        f'<path d="M{start} C{", ".join(rest)}" fill="none" stroke="{shape.colour}" '
        f'stroke-width="1.5"{dash}{head}/>'
    )


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
