"""Every activity as the workflows see it: names, arguments, results. No code behind.

Workflows import this module and no other of `activities`, so they never load a provider
SDK. The names are persisted in histories: changing one breaks every open run, and a test
pins them. Implementations subclass these classes.
"""

from abc import ABC, abstractmethod

from temporalio import activity

from rota.admission import Admission, AdmissionRequest, Admitted, RunRef, Settled, Settlement
from rota.keeper_state import LedgerEntry
from rota.loop import ResultRef, TurnOutcome
from rota.model import Record


class StepInput(Record):
    """What every step of a run is told."""

    agent: str
    run: RunRef
    context: str
    """Digest of the run's `RunContext`."""
    head: str | None = None
    """Newest node of the transcript."""
    attempts: int = 5
    backoff_seconds: float = 2.0
    max_backoff_seconds: float = 120.0


class TurnInput(StepInput):
    """Take turn `turn`."""

    turn: int
    results: tuple[ResultRef, ...] = ()
    repair: tuple[str, ...] = ()


class ToolInput(StepInput):
    """Execute call `index` of the turn at `head`."""

    index: int
    patches: tuple[str, ...] = ()
    """Memory patches made before in this run."""


class AdmitInput(Record):
    """Ask the keeper for admission."""

    request: AdmissionRequest
    agent: str
    schedule_id: str | None = None
    """The schedule that started the run, if one did."""
    task_queue: str


class PrepareInput(Record):
    """Write the context of a run whose lease was granted later."""

    admission: Admission


class SettleInput(Record):
    """Merge the run's memory patches and report its end."""

    agent: str
    settlement: Settlement
    patches: tuple[str, ...] = ()


class LedgerPage(Record):
    """Entries that leave the keeper, and the page before them."""

    entries: tuple[LedgerEntry, ...]
    parent: str | None = None


class RunDesk(ABC):
    """Short look-ups around a run; safe as local activities."""

    @abstractmethod
    @activity.defn(name="admit_run")
    async def admit_run(self, input: AdmitInput) -> Admitted:
        """Present the run to its keeper, then check that it can work here."""
        ...

    @abstractmethod
    @activity.defn(name="prepare_run")
    async def prepare_run(self, input: PrepareInput) -> Admitted:
        """Preflight, and write the context, of a run that had to wait."""
        ...

    @abstractmethod
    @activity.defn(name="settle_run")
    async def settle_run(self, input: SettleInput) -> Settled:
        """Store the new memory version and report the run's end to its keeper."""
        ...


class Thinking(ABC):
    """The model's turns."""

    @abstractmethod
    @activity.defn(name="invoke_model")
    async def invoke_model(self, input: TurnInput) -> TurnOutcome:
        """Take one turn; a turn that was already answered is not asked again."""
        ...


class ToolRunning(ABC):
    """The agents' hands."""

    @abstractmethod
    @activity.defn(name="run_tool")
    async def run_tool(self, input: ToolInput) -> ResultRef:
        """Execute one tool call; a call that already has a result is not made again."""
        ...


class KeeperDesk(ABC):
    """What a keeper needs from outside."""

    @abstractmethod
    @activity.defn(name="closed_runs")
    async def closed_runs(self, runs: list[RunRef]) -> list[RunRef]:
        """Return those of `runs` that have ended."""
        ...

    @abstractmethod
    @activity.defn(name="page_ledger")
    async def page_ledger(self, page: LedgerPage) -> str:
        """Store a page of old ledger entries and return its digest."""
        ...
