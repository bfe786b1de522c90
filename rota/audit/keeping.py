"""How long one archived run is kept: its class, until when, who holds it, who erased it.

Pure. It is what somebody was told who asked: retention and holds change, the run's chain does not.
"""

from collections.abc import Iterable
from datetime import datetime

from rota.audit.archived import ArchivedRun
from rota.audit.content_key import Destruction
from rota.audit.retention import DEFAULT, FleetRetention, Hold
from rota.model import Record


class Keeping(Record):
    """How long an archived run is kept."""

    at: datetime
    """When that was asked."""
    retention: str
    """Class."""
    until: datetime | None = None
    """When its retention is over; None: never, as far as is known."""
    undecided: str = ""
    """Why nobody can say until when; empty if its fleet can."""
    holds: tuple[Hold, ...] = ()
    """Those in force, which keep it longer."""
    destroyed: Destruction | None = None
    """Who had its content erased."""


def keeping_of(
    run: ArchivedRun, retention: FleetRetention, holds: Iterable[Hold], now: datetime
) -> Keeping:
    """Return how long a run is kept.

    Args:
        run: Archived.
        retention: Of the fleet that is asked; of another's runs it knows no end.
        holds: All there are.
        now: The time.
    """
    foreign = run.fleet != retention.fleet
    return Keeping(
        at=now,
        retention=run.retention or DEFAULT,
        until=retention.kept_until(run),
        undecided=retention.undecided(run) or (f"fleet '{run.fleet}' says" if foreign else ""),
        holds=tuple(each for each in holds if each.holds(run.run.key, run.agent, now)),
        destroyed=run.destroyed,
    )
