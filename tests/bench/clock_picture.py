"""Starts in each minute of a day, one panel for each jitter, as SVG."""

from collections.abc import Mapping
from datetime import timedelta

from rota.language.durations import format_duration

WIDTH, HEIGHT, LEFT, GAP = 1440 // 2, 90, 60, 34
STYLE = "font: 12px sans-serif; fill: #222"


def picture(days: Mapping[timedelta, Mapping[int, int]]) -> str:
    """Panels under one another, each with a scale of its own: jitter takes peaks away by far."""
    panels: list[str] = []
    for number, (jitter, minutes) in enumerate(days.items()):
        top = GAP + number * (HEIGHT + GAP)
        panels.append(_panel(jitter, minutes, top))
    height = GAP + len(days) * (HEIGHT + GAP) + 10
    marks = "".join(
        f'<text x="{LEFT + hour * 30}" y="{height - 18}" text-anchor="middle">{hour:02}:00</text>'
        for hour in range(0, 25, 3)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + 40} {height}" '
        f'style="{STYLE}" role="img"><title>Starts in each minute of a day</title>'
        f'<rect width="100%" height="100%" fill="#fff"/>{"".join(panels)}{marks}</svg>\n'
    )


def _panel(jitter: timedelta, minutes: Mapping[int, int], top: int) -> str:
    most = max(minutes.values())
    bottom = top + HEIGHT
    # Two minutes share a column: the busier one is shown.
    columns = (max(minutes.get(at, 0), minutes.get(at + 1, 0)) for at in range(0, 1440, 2))
    path = "".join(
        f"M{LEFT + column} {bottom}v{-HEIGHT * count / most:.1f}"
        for column, count in enumerate(columns)
        if count
    )
    name = f"jitter {format_duration(jitter)}" if jitter else "no jitter"
    return (
        f'<text x="{LEFT}" y="{top - 8}">{name}: at most {most:,} in a minute</text>'
        f'<text x="{LEFT - 6}" y="{top + 10}" text-anchor="end">{most:,}</text>'
        f'<text x="{LEFT - 6}" y="{bottom}" text-anchor="end">0</text>'
        f'<path d="{path}" stroke="#2563a8" fill="none"/>'
        f'<path d="M{LEFT} {bottom}h{WIDTH}" stroke="#888"/>'
    )
