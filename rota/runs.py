"""A run as the outside sees it: its input, its result, its closed set of statuses.

`AgentRunInput` is the argument of the workflow type `AgentRun`. A plain dict of the same
shape works as well, from the CLI, the UI or any SDK.
"""

from datetime import UTC, datetime
from enum import StrEnum
from operator import not_
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, Field

from rota.approvals.requests import Ruling
from rota.budgets.model_use import ByModel
from rota.checks.verdicts import CheckOutcome
from rota.coordination.lineage import Lineage
from rota.failures import FailureCategory
from rota.language.names import AgentName
from rota.model import Declared, Record, is_false
from rota.notices.spec import Occasion
from rota.usage import Usage


class Trigger(StrEnum):
    """Why a run exists."""

    SCHEDULE = "schedule"
    MANUAL = "manual"
    EVENT = "event"
    HOOK = "hook"
    """Somebody posted to the gateway."""
    UPSTREAM = "upstream"
    """Its pipeline started it, when what it waits for was there."""
    HANDOFF = "handoff"
    BACKFILL = "backfill"
    RERUN = "rerun"


class RunStatus(StrEnum):
    """Where a run stands. Recorded in the search attribute `RotaStatus`."""

    QUEUED = "queued"
    """Another run holds its session, its key or its place; it goes on when its turn comes."""
    WAITING = "waiting"
    """For an upstream, a clock gate or a lock."""
    RUNNING = "running"
    AWAITING_APPROVAL = "awaiting_approval"
    """For a person's decision on an exact tool call."""
    PARKED = "parked"
    """It stands still, its state kept, until a person or a new window lets it go on."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    BLOCKED = "blocked"
    """It cannot work until a person mends something: a credential, a tool, a quota."""
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"

    @property
    def closed(self) -> bool:
        """True if no further status can follow."""
        return self not in _OPEN


_OPEN = (
    RunStatus.QUEUED,
    RunStatus.WAITING,
    RunStatus.RUNNING,
    RunStatus.AWAITING_APPROVAL,
    RunStatus.PARKED,
)


EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)


def _instant(at: datetime) -> datetime:
    # First the bounds: years 1 and 9999 overflow when they are moved to UTC, or when a
    # catch-up window is taken off them, and no such error is one of validation.
    if not EARLIEST <= at <= LATEST:
        raise ValueError(f"{at.isoformat()} is not between {EARLIEST.year} and {LATEST.year}")
    return at.astimezone(UTC)


Instant = Annotated[AwareDatetime, AfterValidator(_instant)]
"""A point in time from 1970 to 2200; input needs an offset, the value is UTC."""


class AgentRunInput(Declared):
    """What starts a run. Only `agent` is needed."""

    agent: AgentName
    input: dict[str, Any] = Field(default_factory=dict[str, Any])
    """Overrides keys of the agent's declared input."""
    slot: Instant | None = None
    """The nominal time to work for. Scheduled runs take it from their schedule."""
    trigger: Trigger | None = None
    """Normally left out: Rota knows whether a schedule started the run."""
    lineage: Lineage | None = None
    """Rota's own: what started the run, if another run or a pipeline did."""
    by: str = Field(default="", max_length=200)
    """Who asks for the run, if a person does: with `four_eyes`, somebody else approves its
    calls."""


class Covers(Record):
    """The interval a run answers for: from the last successful slot to its own."""

    start: datetime | None = None
    """Exclusive; None when no earlier slot of the session has succeeded."""
    end: datetime


class EventRecord(Record):
    """A published fact."""

    id: str
    """Derived from the run, so publishing again is recognised: `<run>/<name>`, where the
    run is its workflow id if it has a slot, else its key."""
    name: str
    at: datetime
    payload: str | None = None
    """Digest of the payload in the object store: the run's result."""
    tainted: bool = Field(default=False, exclude_if=is_false)
    """The run had read what may be the words of people outside the team."""


class AgentRunResult(Record):
    """How a run ended: the workflow's result, or the details of its failure."""

    agent: str
    run_id: str
    status: RunStatus
    trigger: Trigger
    slot: datetime | None = None
    covers: Covers | None = None
    session: str = ""
    reason: str = ""
    """One line for people; empty when the run simply succeeded."""
    category: FailureCategory | None = None
    turns: int = 0
    tool_calls: int = 0
    usage: Usage = Usage()
    below: Usage = Usage()
    """What the runs it handed work to have used, and all below those; they count it themselves."""
    by_model: ByModel = Field(default_factory=ByModel, exclude_if=not_)
    """What each model's answers came to, of `usage`. What is not in it was lost on the way, or
    is nobody's answer."""
    output: Any = None
    """The verified result if its JSON is at most 4 KiB; else read `output_digest`."""
    output_digest: str | None = None
    checks: tuple[CheckOutcome, ...] = Field(default=(), exclude_if=not_)
    """What came of what the agent declares of its results; without any, nothing verifies it."""
    transcript: str | None = None
    """Head of the transcript chain."""
    runtime: str = ""
    """Kind of the runtime that answered last; another than declared if a fallback took over."""
    fallback: int = 0
    """Which runtime answered last: 0 the declared one, 1 its first fallback."""
    provider: str = ""
    """Where the work was done, if a provider did it by itself: its id or its page."""
    links: dict[str, str] = Field(default_factory=dict[str, str])
    """What the work left behind elsewhere: `branch`, `pull_request`, `execution`."""
    approvals: tuple[Ruling, ...] = ()
    """What people decided about its calls, or did not in time; the newest 20."""
    unstopped: str = ""
    """Why nobody knows whether the provider's work has stopped; empty if it has."""
    untold: tuple[Occasion, ...] = Field(default=(), exclude_if=not_)
    """What people were to be told of it, and could not be."""
    lineage: Lineage | None = None
    memory: str | None = None
    """Memory version in force after the run."""
    tainted: bool = Field(default=False, exclude_if=is_false)
    """It has read what may be the words of people outside the team, or worked with what such a
    run left behind."""
    events: tuple[EventRecord, ...] = ()
