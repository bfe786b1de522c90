"""Runs that a keeper starts itself: re-runs that waiters asked for, and backfills."""

from datetime import datetime

from pydantic import Field

from rota.keepers.admission import RunRef
from rota.model import Record
from rota.runs import Instant, Trigger

MOST_SLOTS = 2000
"""Slots of one backfill."""
RECENT_BACKFILLS = 20


class RunOrder(Record):
    """One run to be started for a slot; dropped once its ledger entry is closed."""

    run_id: str
    """Workflow id: `report-rerun-<slot>-<n>`, `report-backfill-<slot>`."""
    slot: datetime
    trigger: Trigger
    batch: str = ""
    """The backfill it belongs to; empty for a re-run."""
    force: bool = False
    """Run even if the slot has succeeded."""
    checked: bool = False
    """Whatever lies on the pages of the ledger, the slot has not succeeded there. What
    happens to it while the order stands is not moved to a page."""
    by: str = ""
    """Who asked for it, if a person did."""
    run: RunRef | None = None
    """Set once the server has confirmed the start."""


class BackfillRequest(Record):
    """A person asks for past slots. Idempotent by `id`."""

    id: str = Field(min_length=1, max_length=200)
    slots: tuple[Instant, ...] = Field(min_length=1, max_length=MOST_SLOTS)
    """In the order in which they are run, oldest first."""
    max_parallel: int = Field(default=1, ge=1, le=100)
    force: bool = False
    checked: bool = False
    """The asker has read the pages of the ledger, where the keeper does not look: no slot of
    these has succeeded there."""
    by: str = Field(default="", max_length=200)
    """Who asks."""


class Backfill(Record):
    """How far a backfill has come."""

    id: str
    total: int
    max_parallel: int
    asked_at: datetime
    succeeded: int = 0
    failed: int = 0
    skipped: int = 0

    @property
    def done(self) -> int:
        """How many of its slots have come to an end."""
        return self.succeeded + self.failed + self.skipped
