"""What is asked of the archive, and what it answers: closed runs, put away in time.

Pure records: the boundary between whoever looks after a fleet and the activity `archive_runs`.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

from pydantic import Field

from rota.audit.verified import Verification
from rota.model import Record

ARCHIVE_RUNS = "archive_runs"
"""Name of the activity: takes an `ArchiveOrder`, gives an `ArchiveReport`. It beats."""

DEFAULT_LIMIT = 200
"""Runs put away by one attempt: some minutes, so that a restart of a worker loses little."""
OVERLAP = timedelta(hours=1)
"""Looked at again before a cursor: lists of the server lag behind, seldom for minutes."""
LEDGER_PATIENCE = timedelta(days=1)
"""How long a run waits for its keeper, so that its record has what the ledger says."""
MOST_FAILING = 2000
"""Runs remembered as failing."""


class ArchiveOrder(Record):
    """Put away closed runs of one fleet that are not archived yet, the oldest first.

    Safe to repeat: a run that is archived is passed over.
    """

    fleet: str
    """Whose runs are meant: those of all that it declares, or was the last to declare."""
    agents: tuple[str, ...] = ()
    """Agents and pipelines of the fleet whose runs alone are meant; empty: all."""
    since: datetime | None = None
    """Runs that ended since then. None: all that the server still knows."""
    resume: bool = False
    """Go on, agent by agent, from where the last such order of the fleet came to, instead."""
    limit: int = Field(default=DEFAULT_LIMIT, ge=1)
    """Most runs to put away now; what is left shows in the report."""
    checkpoints: bool = True
    """Make the daily checkpoints that are due, too."""


class ArchiveProgress(Record):
    """Where orders of one fleet that resume have come to. It lies in the store, by the archives."""

    cursors: dict[str, datetime] = Field(default_factory=dict[str, datetime])
    """By agent: every run that was closed before is archived. One that is not here is new."""
    failing: tuple[str, ...] = ()
    """Executions that could not be put away: they are tried after all others."""

    def since(self, agents: Iterable[str]) -> dict[str, datetime | None]:
        """From when on each agent's runs are looked for; None: all there are."""
        return {
            name: self.cursors[name] - OVERLAP if name in self.cursors else None for name in agents
        }

    def after(
        self,
        began: datetime,
        agents: Iterable[str],
        oldest: Mapping[str, datetime],
        silent: Collection[str],
        failing: Iterable[str],
    ) -> "ArchiveProgress":
        """Return what holds once an order has been worked off.

        Args:
            began: When the order was begun.
            agents: Those it was about.
            oldest: By agent: when the oldest of its closed runs ended that is not archived.
            silent: Agents whose ledgers were not read: they may know of older ones that no list
                shows, but of none that a list does not show after a day.
            failing: Executions that could not be put away, the latest first.
        """
        unread = began - LEDGER_PATIENCE
        cursors = {
            name: min(
                oldest.get(name, began),
                max(self.cursors.get(name, unread), unread) if name in silent else began,
            )
            for name in agents
        }
        known = tuple(dict.fromkeys(failing))[:MOST_FAILING]
        return ArchiveProgress(cursors={**self.cursors, **cursors}, failing=known)


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
    hundred. Only where it is known since when they were to be archived: what was before is
    history."""
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
    verification: Verification | None = None
    """What is known of the archive as it lies there; None: nobody looked."""
