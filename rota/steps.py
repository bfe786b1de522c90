"""What activities are told by workflows, and what those for other agents answer.

Records alone; the activities that take them are in `activities/interface.py`.
"""

from pydantic import Field

from rota.approvals.requests import Ruling
from rota.budgets.reservations import Cap, HoldRequest
from rota.coordination.lineage import Lineage
from rota.coordination.locks import LockRequest
from rota.coordination.upstream import NeedRequest, UpstreamRun
from rota.effects.records import EffectResolution
from rota.keepers.admission import Admission, AdmissionRequest, RunRef, Settlement
from rota.keepers.run_orders import RunOrder
from rota.keepers.state import LedgerEntry
from rota.kinds import Kind
from rota.model import Record, StepResult
from rota.runs import EventRecord, Instant
from rota.runtimes.session import Asked, ProviderSession, SessionState
from rota.topics.topic import DeadLetter, Delivery, Subscriber, Tally
from rota.turns.calls import ResultRef
from rota.turns.loop import TurnOutcome
from rota.turns.questions import QuestionAnswer
from rota.usage import Usage


class StepInput(Record):
    """What every step of a run is told."""

    agent: str
    run: RunRef
    context: str
    """Digest of the run's `RunContext`."""
    head: str | None = None
    """Newest node of the transcript."""
    pins: str | None = None
    """Digest of the list of tools that others serve, if the agent names any."""
    attempts: int = 5
    backoff_seconds: float = 2.0
    max_backoff_seconds: float = 120.0


class AskInput(StepInput):
    """What every call of a model is told."""

    runtime: int = 0
    """Which runtime is asked: 0 the declared one, 1 its first fallback."""
    fallback_follows: bool = False
    """Another runtime takes over after `fallback_after` attempts: do not insist."""
    round: int = 0
    """How often this call was given to a runtime before, which then was left or waited for:
    each time the attempts begin anew, and those before may be billed."""
    allowance: Cap = Cap()
    """What the call may come to at most: nobody is asked if it might be more."""
    soft: bool = False
    """A soft limit is reached: the cheaper model is asked, if one is declared."""


class TurnInput(AskInput):
    """Take turn `turn`."""

    turn: int
    results: tuple[ResultRef, ...] = ()
    repair: tuple[str, ...] = ()


class CompactInput(AskInput):
    """Sum up the conversation that the run is to begin with."""


class SessionInput(StepInput):
    """What every step with a provider's session is told."""

    turn: int
    """The stop that is being worked for, from 1."""
    look: int = 1
    """Which look within the turn: a session that waits for a person is looked at again."""
    waiting: bool = False
    """When last seen it waited for a person: that is no inactivity."""
    session: ProviderSession | None = None
    """None until it is submitted."""
    cursor: str = ""
    """Where the last look ended."""
    counted: Usage = Usage()
    """What the run has counted of its use."""
    deadline: Instant | None = None
    """When the run must have ended."""
    allowance: Cap = Cap()
    """What the run may still spend: the cap of a provider that enforces one."""


class AnswerInput(SessionInput):
    """Tell the session its task, results, or what to mend."""

    results: tuple[ResultRef, ...] = ()
    repair: tuple[str, ...] = ()
    more: bool = False
    """It stopped at its cap, and there is more to spend."""
    decisions: dict[str, str] = Field(default_factory=dict[str, str])
    """By the provider's id of what it asked: empty allows, else the reason of the refusal."""
    rulings: dict[str, Ruling] = Field(default_factory=dict[str, Ruling])
    """By the same, what was decided where the agent's `approvals` ask for that."""
    asked: int = 0
    """The look at the turn before that has seen what was asked."""


class Observed(StepResult):
    """Why watching a session stopped."""

    state: SessionState
    cursor: str = ""
    waiting: str = ""
    """Whom or what it waits for, if that is a person; empty once that wait is over."""
    questions: tuple[Asked, ...] = ()
    outcome: TurnOutcome | None = None
    """Its turn, with `TOOLS`: the calls to be executed."""


class ToolsListed(StepResult):
    """Tools that others serve, as they were when the run began."""

    pins: str
    """Digest of the list: names, schemas, effects."""
    summary: str = ""
    """One line for people."""


class SessionStarted(StepResult):
    """The provider's names for the work."""

    session: ProviderSession


class SessionStopped(StepResult):
    """What became of a request to stop."""

    confirmed: bool
    text: str
    usage: Usage = Usage()
    """What was not yet counted."""
    session: ProviderSession | None = None
    """Which one was asked for; None if none was ever started. It may be news to the run, whose
    start ended without an answer."""


class ToolInput(StepInput):
    """Execute call `index` of the turn at `head`."""

    index: int
    patches: tuple[str, ...] = ()
    """Memory patches made before in this run."""
    answers: tuple[QuestionAnswer, ...] = ()
    """A person's answers to what the call asked before, in the order of the questions."""
    state: str | None = None
    """Digest of what the asker gave to be handed back with them."""
    resolution: EffectResolution | None = None
    """What somebody says about the effect that an earlier attempt lost sight of."""
    resolves: int = 0
    """The version of the effect's record that this is about; 0: of none."""
    approval: Ruling | None = None
    """What was decided about the call; whoever makes it checks that."""


class AdmitInput(Record):
    """Ask the keeper for admission."""

    request: AdmissionRequest
    agent: str
    schedule_id: str | None = None
    """The schedule that started the run, if one did."""
    task_queue: str


class PrepareInput(Record):
    """Write the context of a run that had to wait before it may work."""

    admission: Admission
    upstream: dict[str, UpstreamRun] = Field(default_factory=dict[str, UpstreamRun])
    """What its `needs` came to, by agent: goes into the input as `needs.<agent>`."""
    fences: dict[str, int] = Field(default_factory=dict[str, int])
    """Locks it holds, with their fencing numbers."""


class NeedInput(Record):
    """Ask another agent's keeper for a slot."""

    upstream: str
    request: NeedRequest


class AnnounceInput(Record):
    """Publish a run's events to their topics."""

    events: tuple[EventRecord, ...]
    source: str
    """Workflow id of the run."""
    lineage: Lineage | None = None
    """Of the run."""
    task_queue: str


class LockInput(Record):
    """Ask for a lock."""

    lock: str
    request: LockRequest
    task_queue: str


class ReleaseInput(Record):
    """Give locks back, or leave their queues."""

    locks: tuple[str, ...]
    run: RunRef


class StartRunsInput(Record):
    """Start runs that a keeper owes: re-runs and backfills."""

    name: str
    kind: Kind = "Agent"
    """`Agent` or `Pipeline`."""
    task_queue: str
    """Of the runs."""
    orders: tuple[RunOrder, ...]


class DeliverInput(Record):
    """Deliver events, in this order for each subscriber."""

    topic: str
    deliveries: tuple[Delivery, ...]
    subscribers: dict[str, Subscriber]


class Delivered(StepResult):
    """What became of the deliveries asked for."""

    tallies: dict[int, Tally] = Field(default_factory=dict[int, Tally])
    """By the event's sequence."""
    dead: tuple[DeadLetter, ...] = ()


class SettleInput(Record):
    """Merge the run's memory patches and report its end."""

    agent: str
    settlement: Settlement
    patches: tuple[str, ...] = ()
    team: str | None = None
    """Whose account is told, too; empty if its team had none when it was admitted, None if its
    admission was not heard: the keeper is to say then."""


class HoldInput(Record):
    """Ask the accounts for a reservation."""

    request: HoldRequest
    team: str = ""
    """Whose account is asked, too; empty if its team has none."""


class LedgerPage(Record):
    """Entries that leave the keeper, and the page before them."""

    entries: tuple[LedgerEntry, ...]
    parent: str | None = None
