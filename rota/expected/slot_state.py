"""What a slot can have come to, and the verdict that says so."""

from datetime import datetime
from enum import StrEnum

from rota.model import Record
from rota.runs import RunStatus


class SlotState(StrEnum):
    """What became of a slot."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    """Its run ended otherwise: failed, blocked, cancelled or out of time."""
    RUNNING = "running"
    """A run was admitted, or waits for its turn."""
    SKIPPED = "skipped"
    """Its run was turned away; the reason is its keeper's."""
    COALESCED = "coalesced"
    """It was missed, and a newer slot runs in its place."""
    FROZEN = "frozen"
    PAUSED = "paused"
    OVERLAP = "overlap"
    """The server dropped it, since an earlier run was at work."""
    OUTSIDE_WINDOW = "outside_window"
    """The server was back too late: the slot was older than the catch-up window."""
    SERVER_DOWN = "server_down"
    """It came while nothing was started, and was not caught up on."""
    HELD_BACK = "held_back"
    """The server holds it until an earlier run has ended."""
    UNADMITTED = "unadmitted"
    """The server has started a run of which the keeper has not heard."""
    NO_SCHEDULE = "no_schedule"
    """The server has no such schedule, or had none yet, or one without that slot: somebody has
    changed it."""
    NOT_DUE = "not_due"
    NOT_EXPECTED = "not_expected"
    """No declaration in force at its time has it."""
    UNKNOWN = "unknown"

    @property
    def is_open(self) -> bool:
        """True if a success may still come by itself."""
        return self in _OPEN

    @property
    def is_meant(self) -> bool:
        """True if somebody has wanted that it does not run."""
        return self in (SlotState.PAUSED, SlotState.FROZEN)


_OPEN = (SlotState.RUNNING, SlotState.HELD_BACK, SlotState.NOT_DUE)


class Verdict(Record):
    """What became of one slot."""

    slot: datetime
    state: SlotState
    reason: str = ""
    """For people, in one line; empty where the state says all."""
    run: str = ""
    """The run that settled it, works for it, or was in its way."""
    status: RunStatus | None = None
    """Of its run, if it had one."""
    at: datetime | None = None
    """When that was settled, or began."""
    into: datetime | None = None
    """Of a coalesced slot: the newer one."""
    concluded: bool = False
    """Nobody has recorded it: it follows from what is known beside."""
    version: str = ""
    """Digest of the declaration that expected the slot, if that is remembered."""

    @property
    def is_missed(self) -> bool:
        """True if the slot was expected, and has no success and none to come."""
        done = self.state in (SlotState.SUCCEEDED, SlotState.NOT_EXPECTED)
        return not done and not self.state.is_open
