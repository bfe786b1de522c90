"""The picture of the next slots: from times to marks, to be drawn as SVG. Pure.

One row for each schedule, the soonest first, over the hours to come. The server lists a few slots
of each; where it has listed as many as it does and more follow within the picture, a line says so.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from workers.exporter.snapshot import ScheduleLook
from workers.picture.time_axis import WIDTH, Tick, TimeAxis, label

LABELS = 230
"""Left of the marks."""
ROW = 24
TOP = 30
"""Above the first row: the scale."""
HOURS = 24
MOST_ROWS = 20
LISTED = 5
"""Slots of a schedule that the server lists at least, if there are so many."""
_STEP = 4
"""Hours from one mark of the scale to the next."""
_LABEL_SIGNS = 30
_NEAR = 45
"""A mark of the scale that is as near as that to its beginning has no room for its hour."""
_RIGHT = 14


@dataclass(frozen=True)
class Row:
    """The slots of one schedule."""

    name: str
    label: str
    """The name, cut where there is no room."""
    y: float
    marks: tuple[float, ...]
    """Where its slots are."""
    goes_on: float | None
    """From where on more follow, up to the right edge."""
    title: str
    """For whoever points at it."""


@dataclass(frozen=True)
class SlotsPicture:
    """What is to be drawn."""

    rows: tuple[Row, ...]
    ticks: tuple[Tick, ...]
    more: int
    """Schedules with a slot in these hours that are not drawn."""
    width: int = WIDTH
    right: int = WIDTH - _RIGHT

    @property
    def height(self) -> int:
        """Of the whole picture."""
        return TOP + ROW * len(self.rows) + 6


def slots_picture(schedules: Mapping[str, ScheduleLook], now: datetime) -> SlotsPicture:
    """Lay out what these schedules start within the next `HOURS`."""
    end = now + timedelta(hours=HOURS)
    axis = TimeAxis(now, end, LABELS, WIDTH - _RIGHT)
    soon = [
        (times[0], name, times)
        for name, look in schedules.items()
        if not look.paused and (times := [at for at in look.upcoming if now <= at <= end])
    ]
    soon.sort()
    rows = [
        _row(number, name, times, schedules[name], axis)
        for number, (_, name, times) in enumerate(soon[:MOST_ROWS])
    ]
    return SlotsPicture(tuple(rows), _ticks(axis), len(soon) - len(rows))


def _row(number: int, name: str, times: list[datetime], look: ScheduleLook, axis: TimeAxis) -> Row:
    marks = tuple(axis.x_of(at) for at in times)
    # Of a schedule that ends before fewer are listed, and nothing follows the last.
    more = len(look.upcoming) >= LISTED and look.upcoming[-1] <= axis.end
    told = ", ".join(at.strftime("%H:%M") for at in times)
    return Row(
        name=name,
        label=label(name, _LABEL_SIGNS),
        y=TOP + ROW * number + ROW / 2,
        marks=marks,
        goes_on=marks[-1] if more else None,
        title=f"{name}: {told}{' and so on' if more else ''} UTC",
    )


def _ticks(axis: TimeAxis) -> tuple[Tick, ...]:
    at = axis.start.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    while at.hour % _STEP:
        at += timedelta(hours=1)
    now = axis.tick(axis.start, "now")
    found = [now]
    while at <= axis.end:
        tick = axis.tick(at, at.strftime("%H:%M"))
        found.append(tick if tick.x - now.x > _NEAR else replace(tick, text=""))
        at += timedelta(hours=_STEP)
    return tuple(found)
