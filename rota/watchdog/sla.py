"""The `sla:` block of an agent or a pipeline: by when its runs begin, and are done. Pure."""

from datetime import datetime, timedelta
from typing import Self

from pydantic import model_validator

from rota.language.durations import Duration
from rota.model import Declared
from rota.pipelines.gates import Gate, gate_time

LEAST_PROGRESS = timedelta(minutes=15)
"""A run with no event for that long is stuck at the earliest, unless it is declared sooner:
above the longest attempt at a model's turn."""


class SlaSpec(Declared):
    """What people rely on; the Watchdog tells of what is later."""

    start_within: Duration | None = None
    """After its slot, a run has begun."""
    finish_by: Gate | None = None
    """A run has ended by then: a local clock time after its slot, or a time after it."""
    stuck_after: Duration | None = None
    """A run without any progress is told of. None: half its wall clock, 15m at least."""

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.start_within is None and self.finish_by is None and self.stuck_after is None:
            raise ValueError("promises nothing; add start_within, finish_by or stuck_after")
        return self


def finish_time(
    sla: SlaSpec | None, slot: datetime | None, began: datetime, timezone: str
) -> datetime | None:
    """By when a run is to have ended; None: nobody has said.

    A clock time is of a slot: a run without one has none.

    Raises:
        ValueError: no such time zone.
    """
    if sla is None or sla.finish_by is None:
        return None
    if slot is None:
        return began + sla.finish_by if isinstance(sla.finish_by, timedelta) else None
    return gate_time(sla.finish_by, slot, timezone)


def declares_progress(sla: SlaSpec | None) -> bool:
    """Whether somebody has said how long a run may go on without any progress."""
    return sla is not None and sla.stuck_after is not None


def stuck_after(sla: SlaSpec | None, wall_clock_seconds: float) -> timedelta:
    """How long a run may go on without any progress."""
    if sla is not None and sla.stuck_after is not None:
        return sla.stuck_after
    return max(LEAST_PROGRESS, timedelta(seconds=wall_clock_seconds / 2))
