"""The keeper's whole state, as carried across continue-as-new."""

from datetime import datetime
from operator import not_

from pydantic import Field

from rota.budgets.model_use import ByModel
from rota.budgets.reservations import Account
from rota.checks.baseline import BaselineState
from rota.coordination.upstream import UpstreamRun, Watcher
from rota.effects.records import OpenEffect
from rota.expected.in_force import Chronicle
from rota.failures import FailureCategory
from rota.keepers.admission import (
    AdmissionRequest,
    ConversationRef,
    KeyOutcome,
    RunRef,
    Unstopped,
)
from rota.keepers.freeze import Freeze, PastFreeze
from rota.keepers.keyed import KeyState
from rota.keepers.run_orders import Backfill, RunOrder
from rota.metrics.totals import Totals
from rota.model import Record, is_false, is_none
from rota.notices.untold import Untold
from rota.pinned_spec import PinnedSpec
from rota.runs import Covers, EventRecord, RunStatus, Trigger
from rota.usage import Usage

HOT_ENTRIES = 500
"""Ledger entries kept in the keeper; older ones move to a page in the object store."""
RECENT_EVENTS = 50
MOST_UNSTOPPED = 50
"""Work that may still go on, of which a keeper knows: whoever has more has another problem."""
MOST_OPEN_EFFECTS = 200
"""Effects of unknown outcome that a keeper lists; the record of each is in the store."""
MOST_WAITING = 1000
"""Runs that may wait in a keeper's queues; the next is skipped. Each keeps its input there
until its turn, and every continue-as-new carries them all."""
MOST_WAITING_BYTES = 16 * 1024 * 1024
"""JSON of their inputs together: the keeper's state is held in memory, and read as a whole."""


class LedgerEntry(Record):
    """What became of one run, or of one slot that never got a run (`run` is None)."""

    run: RunRef | None = None
    trigger: Trigger
    slot: datetime | None = None
    session: str = ""
    covers: Covers | None = None
    status: RunStatus
    reason: str = ""
    coalesced_into: datetime | None = None
    """The newer slot that ran in its place, if that is why it was skipped."""
    frozen: bool = False
    """It was skipped because its keeper is, or was, frozen."""
    category: FailureCategory | None = None
    fork: bool = Field(default=False, exclude_if=is_false)
    """It goes on from a turn of another run: its result stands for nothing but itself."""
    cause: str = ""
    """What started it, if another run, a pipeline or an event did."""
    own_input: bool = False
    """It was given input besides the declared one, which the ledger does not keep."""
    dedupe_key: str = ""
    input_bytes: int = 0
    """JSON of its own input, if it had to wait in a queue."""
    same_as: RunRef | None = None
    """The run that works, or has worked, for the same key, if this one only shares its end."""
    admitted_at: datetime
    let_go_at: datetime | None = Field(default=None, exclude_if=is_none)
    """When its turn came, if it had to wait in a queue."""
    settled_at: datetime | None = None
    turns: int = 0
    tool_calls: int = 0
    usage: Usage = Usage()
    by_model: ByModel = Field(default_factory=ByModel, exclude_if=not_)
    """What each model's answers came to, of `usage`."""
    output: str | None = None
    output_bytes: int | None = Field(default=None, exclude_if=is_none)
    """JSON of a success' result."""
    output_empty: bool | None = Field(default=None, exclude_if=is_none)
    """There is nothing in that."""
    tainted: bool = Field(default=False, exclude_if=is_false)
    """It had read what may be the words of people outside the team."""

    @property
    def key(self) -> str:
        """Unique in the ledger: the run's key, or the slot's own."""
        if self.run is not None:
            return self.run.key
        return self.slot_key

    @property
    def own_slot(self) -> datetime | None:
        """The slot it settles; None of a handoff, which works on what its caller gave it.

        A handoff has its caller's slot, which may be one of this agent's by mere chance.
        """
        return None if self.trigger is Trigger.HANDOFF else self.slot

    @property
    def slot_key(self) -> str:
        """Key of the entry that the slot has while no run is known for it."""
        return f"slot:{self.slot.isoformat() if self.slot else ''}"


class SessionState(Record):
    """One session: its memory head, newest successful slot and baseline, who holds it and waits."""

    memory: str | None = None
    conversation: ConversationRef | None = None
    last_slot: datetime | None = None
    holder: RunRef | None = None
    queue: tuple[AdmissionRequest, ...] = ()
    """First in, first out."""
    baseline: BaselineState = BaselineState()


class BlockedAlert(Record):
    """One reason why an agent cannot work, of which people were told once."""

    reason: str
    """Without what differs from run to run."""
    run: str
    """Key of the run that told."""
    turns: int = 0
    """How far the furthest run came that was blocked for it."""


class KeeperState(Record):
    """One agent's keeper."""

    spec: PinnedSpec | None = None
    """The declaration in force; None before the first and after retirement."""
    retired: PinnedSpec | None = None
    """The last declaration, once taken back: runs that wait are still owed an answer."""
    sessions: dict[str, SessionState] = Field(default_factory=dict[str, SessionState])
    ledger: dict[str, LedgerEntry] = Field(default_factory=dict[str, LedgerEntry])
    """By entry key, oldest first."""
    pages: str | None = None
    """Digest of the newest page of older entries; each page names the one before."""
    paged: int = 0
    """How many entries the pages hold."""
    paged_slots: Covers | None = None
    """From the oldest to the newest slot among them, both included."""
    events: tuple[EventRecord, ...] = ()
    """The newest published events, oldest first."""
    keys: dict[str, KeyState] = Field(default_factory=dict[str, KeyState])
    """By `rota.keepers.dedupe.key_id`, oldest first: who works, or has worked, for which key."""
    outcomes: tuple[KeyOutcome, ...] = ()
    """Ends that runs with the same key are still to be told."""
    watchers: tuple[Watcher, ...] = ()
    """Runs of other agents that wait for a slot of this one."""
    last_success: UpstreamRun | None = None
    """The newest slot that succeeded, in any session."""
    orders: tuple[RunOrder, ...] = ()
    """Runs to be started, or started and not yet settled, in order."""
    backfills: tuple[Backfill, ...] = ()
    """The newest ones, oldest first."""
    unstopped: tuple[Unstopped, ...] = ()
    """Work at providers that may still go on, oldest first; `rota doctor` lists it."""
    blocked: tuple[BlockedAlert, ...] = ()
    """Each until it has worked again or come further, or was declared anew."""
    open_effects: tuple[OpenEffect, ...] = ()
    """Effects of which nobody knows whether they happened, oldest first, once for each run that
    asks; `rota effects --unknown` lists them. Each stays until somebody has said."""

    account: Account = Account()
    """What the agent has spent and reserved, by day and month."""
    untold: tuple[Untold, ...] = Field(default=(), exclude_if=not_)
    """What people could not be told; only while it is carried across continue-as-new."""
    freeze: Freeze | None = None
    """Nothing new starts while there is one."""
    thawed: tuple[PastFreeze, ...] = ()
    """The newest freezes that are over, oldest first."""
    in_force: Chronicle = Chronicle()
    """What was declared when, and when the schedule stood still."""
    totals: Totals = Totals()
    """What its runs have come to since it was first declared."""

    def session(self, key: str) -> SessionState:
        """The session of that key; one with nothing in it is not kept in `sessions`."""
        return self.sessions.get(key, SessionState())

    def with_session(self, key: str, session: SessionState) -> "KeeperState":
        """The state with that session as given; one with nothing in it is dropped.

        A session key per event must not grow the state for ever.
        """
        sessions = {**self.sessions, key: session}
        if session == SessionState():
            del sessions[key]
        return self.model_copy(update={"sessions": sessions})
