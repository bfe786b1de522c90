"""How soon a lost worker is noticed, and how often a step says that it lives.

Pure. Both sides of the boundary reckon with it: workflows set the heartbeat timeout of a step,
which decides when another worker takes it, and the step finds its own pace in that.
"""

from datetime import timedelta

LOST_AFTER = timedelta(seconds=5)
"""A step whose worker is gone begins elsewhere within that, unless its agent says otherwise."""

LONGEST_LOST_AFTER = timedelta(minutes=10)
"""Below the longest attempt at a turn (15 min), so that a lost worker never looks like a
runtime that took too long. Beats come three minutes apart by then: more would save little."""

BEATS_WITHIN_TIMEOUT = 3.2
"""Two may be lost and the third come late by a fifth of a beat before a worker counts as dead."""


def seconds_between_beats(heartbeat_timeout: timedelta | None) -> int:
    """Whole seconds between two heartbeats of a step with that timeout: one at least."""
    if heartbeat_timeout is None:
        return 1
    return max(1, int(heartbeat_timeout.total_seconds() / BEATS_WITHIN_TIMEOUT))


def is_usual(lost_after: timedelta) -> bool:
    """For `Field(exclude_if=...)`: where it holds, digests are what they were without the key."""
    return lost_after == LOST_AFTER
