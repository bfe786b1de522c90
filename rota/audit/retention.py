"""How long runs are kept, and what nobody may take before or after.

Pure. A class without a duration, or that nobody declares any more, keeps for ever: what cannot be
decided is kept.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from rota.audit.archived import ArchivedRun, LostRun
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


@dataclass(frozen=True)
class FleetRetention:
    """What one fleet says of how long runs are kept; of other fleets' it says nothing."""

    fleet: str
    classes: Mapping[str, timedelta]
    """`audit.retention` of `fleet.yaml`."""

    def kept_until(self, run: ArchivedRun | LostRun) -> datetime | None:
        """Return until when a run is kept; None: for ever."""
        if run.fleet != self.fleet:
            return None
        duration = self.classes.get(_class_of(run))
        return None if duration is None else run.ended + duration

    def is_over(self, run: ArchivedRun | LostRun, now: datetime) -> bool:
        """True if it need not be kept any more."""
        until = self.kept_until(run)
        return until is not None and until <= now

    def undecided(self, run: ArchivedRun | LostRun) -> str:
        """Return why nobody can say how long a run is kept; empty if its fleet can."""
        if not run.fleet:
            return f"no fleet is known of runs of {run.agent}: kept"
        if run.fleet == self.fleet and (named := _class_of(run)) not in {DEFAULT, *self.classes}:
            return f"retention class '{named}' of {run.agent} is not in fleet.yaml: kept"
        return ""


def _class_of(run: ArchivedRun | LostRun) -> str:
    return (run.retention if isinstance(run, ArchivedRun) else "") or DEFAULT
