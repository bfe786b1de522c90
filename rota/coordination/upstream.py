"""What a run asks of another agent's keeper when it needs that agent's slot."""

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from rota.keepers.admission import RunRef
from rota.language.durations import LONGEST_SECONDS
from rota.model import Record, StepResult, is_false
from rota.runs import Instant


class UpstreamState(StrEnum):
    """What has become of the slot that is needed."""

    SETTLED = "settled"
    """It succeeded."""
    PENDING = "pending"
    """Its run is at work or waits, or a re-run was ordered."""
    MISSING = "missing"
    """No run is known for it, yet."""
    FAILED = "failed"


class NeedRequest(Record):
    """A run asks for the newest slot at or before its own. Idempotent by `waiter.key`."""

    waiter: RunRef
    slot: Instant
    """The waiter's slot; of a run without one, the time it was started for."""
    within_seconds: float = Field(ge=0, le=LONGEST_SECONDS)
    """How much older than `slot` the upstream's slot may be; 0: not at all."""
    rerun_of: str | None = None
    """Key of the failed run that the asker saw: have the slot run again, once for all who
    ask with this key. None: only ask."""
    last_call: bool = False
    """The asker waits no longer: do not remember it as a watcher."""


class UpstreamRun(Record):
    """One run of the upstream."""

    run: RunRef
    slot: datetime | None = None
    output: str | None = None
    """Digest of its result."""
    tainted: bool = Field(default=False, exclude_if=is_false)
    """It had read what may be the words of people outside the team."""


class NeedAnswer(StepResult):
    """What the keeper says; a watcher gets it once more when it has become final."""

    waiter: RunRef
    upstream: str
    """Name of the agent asked."""
    state: UpstreamState
    slot: datetime | None = None
    """The upstream's slot in question; None if it has none in the window."""
    found: UpstreamRun | None = None
    """The run that settled or failed it, or that works for it. None in a failure that no
    re-run can mend."""
    last: UpstreamRun | None = None
    """The newest success of any age, for `otherwise: use_last`."""
    reason: str = ""
    """One line for people: why it is pending, missing or failed."""


class Watcher(Record):
    """A run that waits for the upstream; it is signalled `upstream_settled`."""

    request: NeedRequest
    since: datetime
