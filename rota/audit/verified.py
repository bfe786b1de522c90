"""How far the archive is verified by itself, and what of it does not hold.

Pure records. Whoever puts runs away also goes through what lies there already, a bounded part at a
time: what was just written, the newest checkpoint of each agent, and, round after round, every
checkpoint with the runs that are in it.
"""

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from rota.model import Record

VERIFIED = "audit/verified"
"""Refs of how far fleets' archives are verified, by fleet: a `VerifyProgress`."""
MOST_BROKEN = 20
"""Places remembered that do not hold, each looked at again by every check."""


class What(StrEnum):
    """What is verified."""

    RUN = "run"
    CHECKPOINT = "checkpoint"


class Place(Record):
    """One archived run, or one checkpoint."""

    what: What
    agent: str
    day: str = ""
    """Of the checkpoint, or of that which the run is in; empty: it is in none yet."""
    key: str = ""
    """`RunRef.key` of a run."""

    @property
    def name(self) -> str:
        """Tells it from all others, whichever way it was come upon."""
        return f"{self.what}/{self.agent}/{self.key or self.day}"


class BrokenPlace(Record):
    """Something that does not verify."""

    place: Place
    run_id: str = ""
    """Workflow id of a run; empty if nobody knows any more."""
    reason: str
    """One line."""
    since: datetime
    """When it was found."""


class Tip(Record):
    """The newest checkpoint of an agent that was seen: it must stay as it is."""

    day: str
    digest: str
    """Of the object."""


class VerifyProgress(Record):
    """Where checks of one fleet's archive have come to. It lies in the store, by the archives."""

    at: datetime | None = None
    """Of the last check that could look at anything, or had nothing to look at."""
    checked: datetime | None = None
    """When the last check began, whatever came of it."""
    tips: dict[str, Tip] = Field(default_factory=dict[str, Tip])
    """By agent."""
    turn: str = ""
    """Agent whose newest checkpoint was looked at last."""
    agent: str = ""
    """Where the round is; empty: at its beginning."""
    day: str = ""
    leaf: int = 0
    """Of the checkpoint of that day: how many of its runs were looked at."""
    broken: tuple[BrokenPlace, ...] = ()


class Verification(Record):
    """What one check came to, for whoever looks after the fleet."""

    at: datetime | None = None
    """Of the last check that could look at anything, or had nothing to look at; None: none yet."""
    runs: int = 0
    """Looked at by the last check."""
    checkpoints: int = 0
    """Likewise."""
    broken: tuple[BrokenPlace, ...] = ()
    """All that is known, the oldest first; at most `MOST_BROKEN`."""
    problem: str = ""
    """Why the last check broke off; the next one goes on."""


def verified_place(fleet: str) -> str:
    """Ref of how far a fleet's archive is verified."""
    return f"{VERIFIED}/{fleet}"
