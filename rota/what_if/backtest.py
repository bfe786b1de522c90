"""Past runs run again: what a backtest is given, and what each of its cases comes to. Records.

A case is one past run with its input, its memory and the results of its tools as they were, and
a declaration that may be another. Whatever it calls is served from the record: no effect
happens, and nobody but the model is asked, unless a read was never made before and may be.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field

from rota.budgets.reservations import Cap
from rota.checks.verdicts import CheckOutcome
from rota.model import Record, StepResult
from rota.pinned_spec import PinnedSpec
from rota.run_ref import RunRef
from rota.steps import StepInput
from rota.tools import Effect
from rota.turns.calls import AnswerRef, ResultRef
from rota.turns.loop import LoopState
from rota.usage import Usage, sum_of

BACKTEST_TYPE = "Backtest"
LENDER = "the backtest (--usd, --tokens)"
"""Who lends a case its budget, in what people are told."""
MOST_CASES = 200
"""Of one backtest: each is a workflow of its own below one parent, of 9 events there."""


CASES_MEMO = "rota_cases"
"""Keys of the past runs that a backtest, or a case of one, plays: what it knows goes with them."""


def case_key(played: str, number: str) -> str:
    """Key of a case, under which the store has its steps: below that of the run that it plays."""
    return f"{played}~{number}"


def played_run(key: str) -> str:
    """Key of the run that a case plays; of any other run its own."""
    return key.partition("~")[0]


class Unrecorded(StrEnum):
    """What becomes of a call that the past run never made."""

    FAIL = "fail"
    """The case fails."""
    ASK = "ask"
    """The tool is called if it only reads; the case stops at anything else."""
    STOP = "stop"
    """The case stops there, without a verdict."""


class RecordedCall(Record):
    """One call of a past run, and what it was told."""

    tool: str
    args: dict[str, Any]
    content: str
    """Digest of the result as the model read it."""
    is_error: bool = False


class Tape(Record):
    """All calls of a past run that were answered, in their order."""

    calls: tuple[RecordedCall, ...] = ()


class PastCase(Record):
    """What one past run gives to its case."""

    run_id: str
    """Of the past run."""
    key: str
    """Likewise: its key."""
    context: str
    """Digest of its `RunContext`, with the declaration that is tried."""
    tape: str
    """Digest of the `Tape`."""
    head: str | None = None
    """The summary of the conversation before, if the run began with one."""
    pins: str | None = None
    """Digest of the tools of others that it was offered."""
    spec: PinnedSpec
    """What is tried."""


class BacktestInput(Record):
    """Argument of the workflow `Backtest`."""

    agent: str
    cases: tuple[PastCase, ...] = Field(max_length=MOST_CASES)
    unrecorded: Unrecorded = Unrecorded.FAIL
    cap: Cap
    """What all cases together may spend."""
    parallel: int = Field(default=4, ge=1, le=50)
    """Cases at work at the same time."""
    what: str = ""
    """What is tried, in one line for people."""


class CallSource(StrEnum):
    """Where the result of a call comes from."""

    RECORDED = "recorded"
    REPEATED = "repeated"
    """A read that was made before, more often than on record: the last result again."""
    NOTED = "noted"
    """A memory patch, which is kept in the case and nowhere else."""
    REFUSED = "refused"
    """No such tool, or arguments that do not fit: no tool is needed to say so."""
    READ = "read"
    """The tool is called: it only reads, was never called so, and may be asked."""
    UNRECORDED = "unrecorded"
    """Nobody may answer it."""


class ServedCall(Record):
    """One call of a case."""

    index: int
    source: CallSource
    result: ResultRef | None = None
    """None of a call whose tool is to be asked, or that nobody may answer."""
    shown: str = ""
    """Tool and arguments, cut short, of one that is not on record."""


class ServeInput(StepInput):
    """Answer the calls of the turn at `head` from the record."""

    tape: str
    unrecorded: Unrecorded
    patches: tuple[str, ...] = ()
    """Memory patches made before in this case."""


class Served(StepResult):
    """What the calls of a turn come to, in their order."""

    calls: tuple[ServedCall, ...]


class OpenCaseInput(StepInput):
    """Look whether the case can be played here."""

    tape: str
    dollars: bool = False
    """Its budget is in dollars, under which nothing without a price is asked."""


class OpenedCase(StepResult):
    """What a worker knows of the case."""

    blocked: str = ""
    """Why it cannot be played; empty if it can."""
    effects: dict[str, Effect] = Field(default_factory=dict[str, Effect])
    """Of the tools that it may call, and of those on its tape, as far as they are known."""


class CaseEnd(StrEnum):
    """How a case ended."""

    ANSWERED = "answered"
    """With an answer that fits."""
    FAILED = "failed"
    """As a run would have: no answer, one that does not fit, a limit of the agent's own."""
    DIVERGED = "diverged"
    """It made a call that nobody may answer, so nobody knows how it would have gone on."""
    OVER_BUDGET = "over_budget"
    """The backtest's own budget was used up."""
    BLOCKED = "blocked"
    """It could not be played: a credential, a tool, a provider that did not answer."""
    CANCELLED = "cancelled"


class CaseResult(StepResult):
    """What one case came to."""

    run_id: str
    """Of the past run."""
    end: CaseEnd
    reason: str = ""
    head: str | None = None
    """Newest node of the case's transcript."""
    answer: AnswerRef | None = None
    checks: tuple[CheckOutcome, ...] = ()
    """What came of the checks that are declared."""
    patches: tuple[str, ...] = ()
    """Memory patches, which went nowhere."""
    turns: int = 0
    usage: Usage = Usage()
    sources: dict[CallSource, int] = Field(default_factory=dict[CallSource, int])
    """How many calls were answered from where."""
    unrecorded: tuple[str, ...] = ()
    """Calls that the past run never made, for people."""
    effects: dict[str, Effect] = Field(default_factory=dict[str, Effect])
    seconds: float = 0.0


class CaseState(Record):
    """A case between two steps, across continue-as-new."""

    loop: LoopState
    effects: dict[str, Effect] = Field(default_factory=dict[str, Effect])
    sources: dict[CallSource, int] = Field(default_factory=dict[CallSource, int])
    unrecorded: tuple[str, ...] = ()
    began: datetime
    deadline: datetime


class CaseInput(Record):
    """Argument of the workflow `BacktestCase`."""

    agent: str
    case: PastCase
    run: RunRef
    """Under whose key its answers are paid once, however often the case is begun."""
    unrecorded: Unrecorded
    allowance: Cap
    """What it may spend, what it has spent before included."""
    state: CaseState | None = None
    """Rota's own, for when it continues as new."""


class BacktestProgress(Record):
    """A backtest as far as it has come: its result, and its query `progress`."""

    agent: str
    what: str = ""
    total: int
    cases: tuple[CaseResult, ...] = ()
    """Those that have ended, in the order in which they were given."""
    working: tuple[str, ...] = ()
    """Past runs whose cases are at work."""
    stopped: str = ""
    """Why it ended before all cases did; empty if it did not."""

    @property
    def usage(self) -> Usage:
        """What all cases have used."""
        return sum_of(case.usage for case in self.cases)
