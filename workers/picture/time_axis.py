"""Time from left to right, in the picture of a run and in that of the next slots. Pure."""

from dataclasses import dataclass
from datetime import datetime

WIDTH = 1000
"""Of a picture over time."""
_SHORTEST = 0.001
"""Seconds: what began and ended at once has a picture too."""


@dataclass(frozen=True)
class Tick:
    """A mark on the scale."""

    x: float
    text: str


@dataclass(frozen=True)
class TimeAxis:
    """The time from `start` to `end`, between two places of a picture."""

    start: datetime
    end: datetime
    left: float
    right: float

    def x_of(self, at: datetime) -> float:
        """Return where a moment lies; at an edge if it is outside."""
        length = max((self.end - self.start).total_seconds(), _SHORTEST)
        share = min(max((at - self.start).total_seconds() / length, 0.0), 1.0)
        return round(self.left + share * (self.right - self.left), 1)

    def tick(self, at: datetime, text: str) -> Tick:
        """Return the mark of a moment."""
        return Tick(self.x_of(at), text)


def label(text: str, most: int) -> str:
    """Return a text for the room of `most` signs left of the axis."""
    return text if len(text) <= most else f"{text[: most - 1]}…"
