"""How long runs are kept, and what nobody may take before or after.

Pure. A class without a duration, or that nobody declares any more, keeps for ever: what cannot be
decided is kept.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from rota.audit.archived import ArchivedRun
from rota.model import Record

DEFAULT = "default"
"""Class of declarations that name none."""
HOLDS = "audit/holds"
"""Refs of holds, by their id."""


class Release(Record):
    """Who took a hold back."""

    by: str
    reason: str
    at: datetime


class Hold(Record):
    """Nothing of what it names is collected or erased."""

    id: str
    run: str = ""
    """`RunRef.key`; empty if it holds all runs of an agent."""
    run_id: str = ""
    """Workflow id, for people."""
    agent: str = ""
    """Or pipeline: all its runs, those to come included; empty if it holds one run."""
    by: str
    reason: str
    at: datetime
    until: datetime | None = None
    """None: until it is released."""
    released: Release | None = None

    def in_force(self, now: datetime) -> bool:
        """True while it holds."""
        return self.released is None and (self.until is None or now < self.until)

    def holds(self, run_key: str, agent: str, now: datetime) -> bool:
        """True if it keeps a run."""
        meant = self.run == run_key if self.run else self.agent == agent
        return meant and self.in_force(now)


def hold_place(hold_id: str) -> str:
    """Ref of a hold."""
    return f"{HOLDS}/{hold_id}"


def holder_of(holds: Iterable[Hold], run_key: str, agent: str, now: datetime) -> Hold | None:
    """Return a hold that keeps a run; None if there is none."""
    return next((each for each in holds if each.holds(run_key, agent, now)), None)


def kept_until(run: ArchivedRun, classes: Mapping[str, timedelta]) -> datetime | None:
    """Return until when a run is kept; None: for ever.

    Args:
        run: Archived.
        classes: `audit.retention` of `fleet.yaml`.
    """
    duration = classes.get(run.retention or DEFAULT)
    return None if duration is None else run.ended + duration


def undecided(run: ArchivedRun, classes: Mapping[str, timedelta]) -> str:
    """Return why nobody can say how long a run is kept; empty if that is clear."""
    if run.retention and run.retention not in classes:
        return f"retention class '{run.retention}' of {run.agent} is not in fleet.yaml: kept"
    return ""
