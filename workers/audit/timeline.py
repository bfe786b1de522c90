"""The picture of a run in time: from spans to bars, to be drawn as SVG.

Pure. Few spans get a row each; many share a row for each kind, or nobody would find anything.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from rota.audit.histories import Span
from workers.cli.output import format_took
from workers.picture.time_axis import WIDTH, Tick, TimeAxis, label

LABELS = 290
"""Left of the bars."""
ROW = 22
TOP = 34
"""Above the first row: the scale."""
MOST_ROWS = 40
_LEAST = 2.0
"""Width of a bar that would not be seen."""
_LABEL_SIGNS = 44
_RIGHT = 10
_TICKS = 5
_LANES = {"turn": "turns", "tool": "tool calls", "wait": "waits", "child": "runs it called"}
_OTHER = "other steps"


@dataclass(frozen=True)
class Bar:
    """One span."""

    x: float
    y: float
    width: float
    kind: str
    """`turn`, `tool`, `wait`, `child`, `other`; `bad` if it failed."""
    title: str
    """For whoever points at it."""


@dataclass(frozen=True)
class Row:
    """A label at the left."""

    y: float
    text: str


@dataclass(frozen=True)
class Timeline:
    """What is to be drawn."""

    bars: tuple[Bar, ...]
    rows: tuple[Row, ...]
    ticks: tuple[Tick, ...]
    width: int = WIDTH

    @property
    def height(self) -> float:
        """Of the whole picture."""
        return TOP + ROW * len(self.rows) + 8


def timeline_of(spans: Sequence[Span], start: datetime, end: datetime) -> Timeline:
    """Lay out what took time between `start` and `end`."""
    axis = TimeAxis(start, end, LABELS, WIDTH - _RIGHT)
    lanes = [*_LANES.values(), _OTHER]
    apart = len(spans) <= MOST_ROWS
    used = lanes if apart else [lane for lane in lanes if any(_lane(s) == lane for s in spans)]
    bars: list[Bar] = []
    for number, span in enumerate(spans):
        row = number if apart else used.index(_lane(span))
        left, right = axis.x_of(span.start), axis.x_of(span.end or end)
        bar = Bar(left, TOP + ROW * row + 4, max(right - left, _LEAST), _kind(span), _title(span))
        # Of many bars at the same place one is enough.
        if apart or not bars or bar != bars[-1]:
            bars.append(bar)
    labels = [label(span.label, _LABEL_SIGNS) for span in spans] if apart else used
    rows = tuple(Row(TOP + ROW * number + 15, text) for number, text in enumerate(labels))
    steps = [start + (end - start) * number / _TICKS for number in range(_TICKS + 1)]
    ticks = tuple(axis.tick(at, _after(at - start)) for at in steps)
    return Timeline(tuple(bars), rows, ticks)


def _what(span: Span) -> str:
    if span.kind != "step":
        return span.kind
    if span.name in ("invoke_model", "compact_conversation") or span.came.get("head"):
        return "turn"
    return "tool" if span.name == "run_tool" else "other"


def _lane(span: Span) -> str:
    return _LANES.get(_what(span), _OTHER)


def _kind(span: Span) -> str:
    bad = span.kind != "wait" and span.outcome in ("failed", "timed_out", "terminated")
    return "bad" if bad else _what(span)


def _title(span: Span) -> str:
    took = format_took(span.end - span.start) if span.end else "not ended"
    attempt = f", attempt {span.attempt}" if span.attempt > 1 else ""
    outcome = f", {span.outcome.replace('_', ' ')}" if span.outcome else ""
    return f"{span.label}: {took}{outcome}{attempt}"


def _after(passed: timedelta) -> str:
    return f"+{format_took(passed)}" if passed else "start"
