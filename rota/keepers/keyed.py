"""What a keeper remembers of keys (`dedupe`): who works for one, who waits, what came of it."""

from datetime import datetime

from rota.keepers.admission import RunRef
from rota.model import Record
from rota.runs import RunStatus

MOST_KEYS = 2000
"""Finished keys remembered; the oldest go first."""


class KeyState(Record):
    """One key."""

    run: RunRef
    """The run that works, or has worked, for it."""
    status: RunStatus = RunStatus.RUNNING
    output: str | None = None
    """Digest of its result, once it succeeded."""
    at: datetime
    """When it was admitted; once it has ended, when it settled."""
    waiters: tuple[RunRef, ...] = ()
    """Runs with the same key that get its end as theirs."""
