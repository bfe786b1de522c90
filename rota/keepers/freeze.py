"""A keeper that lets nothing new start: what is asked, what it then holds, what it answers.

Records; the rules are in `rota.keepers.freezing`.
"""

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from rota.ids import format_slot
from rota.model import Record
from rota.runs import Instant

LONGEST_NAME = 200
LONGEST_REASON = 500


class FreezeMode(StrEnum):
    """What becomes of runs at work."""

    DRAIN = "drain"
    """They go on to their end, and so do the runs they need for it: handoffs and nodes."""
    CANCEL = "cancel"
    """Whoever freezes cancels them; no part of them is let in any more."""


class FreezeScope(StrEnum):
    """What was frozen together; a new agent of a frozen team begins frozen."""

    AGENT = "agent"
    TEAM = "team"
    ALL = "all"


class FreezeRequest(Record):
    """A person freezes an agent or a pipeline. Idempotent by content."""

    reason: str = Field(min_length=1, max_length=LONGEST_REASON)
    by: str = Field(min_length=1, max_length=LONGEST_NAME)
    until: Instant | None = None
    """It then ends by itself; None: somebody thaws it."""
    mode: FreezeMode = FreezeMode.DRAIN
    scope: FreezeScope = FreezeScope.AGENT


class Freeze(Record):
    """A freeze in force."""

    reason: str
    by: str
    at: datetime
    """Since when; of several, since the first."""
    until: datetime | None = None
    mode: FreezeMode = FreezeMode.DRAIN
    scope: FreezeScope = FreezeScope.AGENT
    earlier: tuple[str, ...] = ()
    """What others had frozen it for before, newest first: `ann: quarter end`."""

    @property
    def text(self) -> str:
        """`frozen by ann: quarter end`, for people and the ledger."""
        return f"frozen by {self.by}: {self.reason}"

    @property
    def ends(self) -> str:
        """`until 2026-11-23T18:00:00Z`, or `until somebody thaws it`."""
        return f"until {format_slot(self.until) if self.until else 'somebody thaws it'}"


class PastFreeze(Record):
    """A freeze that is over: slots that came in its time are not run after it."""

    freeze: Freeze
    ended: datetime
    by: str = ""
    """Who thawed it; empty if it ended by itself."""

    @property
    def text(self) -> str:
        """As `Freeze.text`, with its end."""
        return f"{self.freeze.text} (until {format_slot(self.ended)})"


class FreezeChange(Record):
    """What an update has changed."""

    before: Freeze | None
    """As it was; None: nothing was frozen."""
    after: Freeze | None
    """As it is now."""
