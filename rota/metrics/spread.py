"""How long things took, counted by how long: what a histogram is made of. Pure.

Bounded and additive, so that whoever keeps it counts each thing once and forgets it.
"""

from bisect import bisect_left
from datetime import timedelta

from rota.model import Record

RUN_BOUNDS = (1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600, 14_400, 86_400)
"""Seconds of a run: from a look-up to one that waits for people all day."""
DELAY_BOUNDS = (1, 5, 15, 60, 300, 900, 3600)
"""Seconds from a slot to its run's beginning: 5 is on time, an hour is a day's work missed."""
WAIT_BOUNDS = (60, 300, 900, 3600, 14_400, 43_200, 86_400, 604_800)
"""Seconds that a person took to decide."""

Bounds = tuple[int, ...]


class Spread(Record):
    """Counts by the smallest bound that is not exceeded; one more for what exceeds them all."""

    counts: tuple[int, ...] = ()
    """Not cumulative. What is kept fits the bounds it was made with: these never change."""
    millis: int = 0
    """All of it together. An integer: sums of it are the same in whatever order."""

    @property
    def count(self) -> int:
        """How many there were."""
        return sum(self.counts)

    def after(self, took: timedelta, bounds: Bounds) -> "Spread":
        """Return the counts with one more; less than nothing counts as nothing."""
        took = max(took, timedelta(0))
        counts = list(self.counts or (0,) * (len(bounds) + 1))
        counts[bisect_left(bounds, took.total_seconds())] += 1
        return Spread(counts=tuple(counts), millis=self.millis + took // timedelta(milliseconds=1))

    def plus(self, other: "Spread") -> "Spread":
        """Return the sum of both, made with the same bounds."""
        if not (self.counts and other.counts):
            return self if self.counts else other
        counts = tuple(a + b for a, b in zip(self.counts, other.counts, strict=True))
        return Spread(counts=counts, millis=self.millis + other.millis)
