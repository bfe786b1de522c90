"""What is asked of the archive, and what it answers: closed runs, put away in time.

Pure records: the boundary between whoever looks after a fleet and the activity `archive_runs`.
"""

from datetime import datetime

from pydantic import Field

from rota.model import Record

ARCHIVE_RUNS = "archive_runs"
"""Name of the activity: takes an `ArchiveOrder`, gives an `ArchiveReport`. It beats."""

DEFAULT_LIMIT = 200
"""Runs put away by one attempt: some minutes, so that a restart of a worker loses little."""


class ArchiveOrder(Record):
    """Put away closed runs that are not archived yet, the oldest first.

    Safe to repeat: a run that is archived is passed over.
    """

    agents: tuple[str, ...] = ()
    """Agents and pipelines whose runs are meant; empty: all of the namespace."""
    since: datetime | None = None
    """`ArchiveReport.cursor` of the last time. None: all that the server still knows."""
    limit: int = Field(default=DEFAULT_LIMIT, ge=1)
    """Most runs to put away now; what is left shows in the report."""
    checkpoints: bool = True
    """Make the daily checkpoints that are due, too."""


class FailedArchive(Record):
    """A run that could not be put away this time."""

    run_id: str
    reason: str
    """One line."""


class ArchiveReport(Record):
    """What one attempt came to."""

    archived: int = 0
    """Runs put away now."""
    skipped: int = 0
    """Runs that were archived, erased or given up by retention before."""
    left: int = 0
    """Closed runs beyond the limit: order again at once if there are any."""
    failed: tuple[FailedArchive, ...] = ()
    """The first ones by age; they are tried again the next time."""
    failures: int = 0
    """How many failed in all."""
    lost: tuple[str, ...] = ()
    """Runs in a ledger that the server forgot before they were archived, by workflow id; the first
    hundred. Only where the order says since when: what was before is history."""
    losses: int = 0
    """How many were lost in all."""
    checkpoints: int = 0
    """Daily checkpoints made now."""
    problem: str = ""
    """Why no checkpoints were made, though they were wanted: the signing key is not there."""
    lag_seconds: int = 0
    """Age of the oldest closed run that is not archived; 0 if all are."""
    oldest_unarchived: datetime | None = None
    """When that run was closed."""
    cursor: datetime | None = None
    """`since` of the next order: every run closed before is archived."""
