"""A resource lock's records: leases in the order of asking, each with a fencing number.

A lease has no end of its own: a run may stand still for days and act then. It ends when the
run gives it back, or is found to be gone.
"""

from datetime import datetime

from pydantic import Field

from rota.keepers.admission import RunRef
from rota.language.durations import LONGEST_SECONDS
from rota.model import Record, StepResult


class LockRequest(Record):
    """A run asks for the lock. Idempotent by `run.key`."""

    run: RunRef
    wait_seconds: float = Field(gt=0, le=LONGEST_SECONDS)


class LockAnswer(StepResult):
    """The lock's answer; a run that waits is signalled `lock_granted` with one later."""

    lock: str
    run: RunRef
    granted: bool
    fence: int = 0
    """Grows with every grant: whatever is guarded refuses a smaller number than it has seen."""
    position: int = 0
    """Place in the queue, from 1; 0 if granted."""
    holder: str = ""
    """Workflow id of the run that holds it; while it is being handed on, the next one's."""
    refused: str = ""
    """The wait is over without a grant; says why."""


class Lease(Record):
    """Who holds the lock."""

    run: RunRef
    fence: int
    since: datetime


class Waiting(Record):
    """Who waits for it."""

    request: LockRequest
    since: datetime
    until: datetime


class LockState(Record):
    """A lock, as carried across continue-as-new."""

    name: str
    fence: int = 0
    """The newest fencing number given out."""
    lease: Lease | None = None
    queue: tuple[Waiting, ...] = ()
    """First in, first out."""
    granted: int = 0
    expired: int = 0
    """Leases whose holder was found to be gone."""
