"""The turn loop: where a run's conversation stands, and the steps it may take.

The workflow keeps a `LoopState`, asks `rota.turns.deciding` what comes next, carries it out and
folds the answer back in.
"""

from datetime import datetime
from operator import not_

from pydantic import Field

from rota.budgets.model_use import ByModel, with_answer
from rota.budgets.reservations import Amount
from rota.checks.verdicts import CheckOutcome
from rota.conversation import StopReason
from rota.failures import FailureCategory
from rota.metrics.run_tally import RunTally
from rota.model import Record, StepResult, is_empty, is_false
from rota.runs import RunStatus
from rota.runtimes.session import ProviderSession
from rota.turns.calls import AnswerRef, CallRef, ResultRef
from rota.usage import Usage


class TurnOutcome(StepResult):
    """What one turn came to."""

    head: str
    stop: StopReason
    calls: tuple[CallRef, ...] = ()
    answer: AnswerRef | None = None
    usage: Usage = Usage()
    conversation_tokens: int = 0
    """Tokens that the whole conversation has come to, as the runtime counted its last turn."""
    details: str = ""
    """What else the provider says of why it stopped: a refusal's category."""
    links: dict[str, str] = Field(default_factory=dict[str, str])
    """What the work left behind elsewhere: `branch`, `pull_request`, `execution`."""
    unusable: str = ""
    """Of a summary: why no run can begin with it, and what to do; empty if one can."""
    model: str = Field(default="", exclude_if=is_empty)
    """Which model answered, as the provider names it."""


class LoopState(Record):
    """Where a run's conversation stands."""

    turn: int = 0
    head: str | None = None
    compacted: bool = False
    """`head` sums up the conversation that the run begins with."""
    stop: StopReason | None = None
    details: str = ""
    """Of `stop`, as the provider put it."""
    calls: tuple[CallRef, ...] = ()
    """Calls that still need results."""
    results: tuple[ResultRef, ...] = ()
    """Results to hand to the next turn."""
    answer: AnswerRef | None = None
    transfer: AnswerRef | None = None
    """Set once another agent has taken over: says which, and by which run."""
    repaired: bool = False
    tool_calls: int = 0
    patches: tuple[str, ...] = ()
    usage: Usage = Usage()
    runtime: int = 0
    """Which runtime answers: 0 the declared one, 1 its first fallback."""
    session: ProviderSession | None = None
    """The provider's session, once there is one."""
    session_ended: bool = False
    """It has done what it will do, or was stopped as far as it can be."""
    unstopped: str = ""
    """Why nobody knows whether it has stopped; empty if it has."""
    cursor: str = ""
    """Where the last look at it ended."""
    capped: bool = False
    """It has stopped at the cap it was given, and is told when there is more."""
    conversation_tokens: int = 0
    links: dict[str, str] = Field(default_factory=dict[str, str])
    pins: str | None = None
    """Digest of the list of tools that others serve, once it is made."""
    below: Usage = Usage()
    """What all runs have used that this one handed work to, and those below them."""
    needed: Amount | None = None
    """What the coming call of a model comes to at most, if nobody was asked since it might not
    cost as much."""
    rounds: int = 0
    """How often the coming turn was given to a runtime before; its attempts may be billed."""
    tainted: bool = Field(default=False, exclude_if=is_false)
    """The model has read what may be the words of people outside the team."""
    by_model: ByModel = Field(default_factory=ByModel, exclude_if=not_)
    """What each model's answers came to."""
    tally: RunTally = Field(default=RunTally(), exclude_if=lambda tally: tally.is_empty)
    """What its calls came to, for its keeper; see `rota.metrics.call_tally`."""

    @property
    def tree(self) -> Usage:
        """What it has used, and all below it: what its limits count."""
        return self.usage.plus(self.below)

    @property
    def has_begun(self) -> bool:
        """True once anything was done, or paid for."""
        return self != LoopState(needed=self.needed, pins=self.pins, runtime=self.runtime)

    def after_refusal(self, needed: Amount, rounds: int) -> "LoopState":
        """Nobody was asked, since the call may come to `needed`."""
        return self.model_copy(update={"needed": needed, "rounds": rounds})

    def after_turn(self, outcome: TurnOutcome) -> "LoopState":
        """Fold in a turn's outcome."""
        repairing = self.answer is not None and bool(self.answer.problems)
        return self.model_copy(
            update={
                "turn": self.turn + 1,
                "head": outcome.head,
                "stop": outcome.stop,
                "details": outcome.details,
                "calls": outcome.calls,
                "results": (),
                "answer": outcome.answer,
                "repaired": self.repaired or repairing,
                "usage": self.usage.plus(outcome.usage),
                "conversation_tokens": outcome.conversation_tokens or self.conversation_tokens,
                "links": {**self.links, **outcome.links},
                "needed": None,
                "rounds": 0,
                "by_model": with_answer(self.by_model, outcome.model, outcome.usage),
            }
        )

    def after_compaction(self, outcome: TurnOutcome) -> "LoopState":
        """Fold in the summary of the conversation before: no turn, but paid for.

        One that is unusable leaves its `stop` and `details`, and no turn follows.
        """
        return self.model_copy(
            update={
                "head": outcome.head,
                "compacted": True,
                "stop": outcome.stop if outcome.unusable else None,
                "details": outcome.unusable,
                "usage": self.usage.plus(outcome.usage),
                "conversation_tokens": outcome.conversation_tokens,
                "needed": None,
                "rounds": 0,
                "by_model": with_answer(self.by_model, outcome.model, outcome.usage),
            }
        )

    def after_handoff(self, below: Usage) -> "LoopState":
        """Count what a run used that this one handed work to, with all below it.

        As soon as that has ended: another call of its turn may fail this run.
        """
        return self.model_copy(update={"below": self.below.plus(below)})

    def after_tools(self, results: tuple[ResultRef, ...]) -> "LoopState":
        """Fold in the results of all open calls, in call order."""
        return self.model_copy(
            update={
                "calls": (),
                "results": results,
                "transfer": next((r.transfer for r in results if r.transfer), self.transfer),
                "tool_calls": self.tool_calls + len(results),
                "patches": (*self.patches, *(r.patch for r in results if r.patch)),
                "tainted": self.tainted or any(r.tainted for r in results),
            }
        )


class Compact(Record):
    """Sum up the conversation that the run begins with."""


class Think(Record):
    """Take the next turn."""

    turn: int
    repair: tuple[str, ...] = ()
    """Problems of the last answer, which the model gets one chance to mend."""


class RunTools(Record):
    """Execute these calls, all at once."""

    calls: tuple[CallRef, ...]


class Finish(Record):
    """The conversation is over."""

    status: RunStatus
    reason: str = ""
    category: FailureCategory | None = None
    answer: AnswerRef | None = None
    checks: tuple[CheckOutcome, ...] = Field(default=(), exclude_if=not_)
    """What came of the checks of the answer, once they are made."""


class AskRoom(Record):
    """What was reserved is used up: ask the accounts for more."""

    least: Amount
    """What the next step needs."""


class Park(Record):
    """Stand still at a limit, with everything kept, until there is more to spend."""

    reason: str
    refused: bool = False
    """The accounts have not enough; else it is a limit of the run's own."""
    until: datetime | None = None
    """When they will have more."""
    more: str = ""
    """Of a limit of its own: the options of `rota budget raise` that are enough."""
    cure: str = ""
    """Of an account's limit: the whole command."""


Step = Compact | Think | RunTools | AskRoom | Park | Finish
