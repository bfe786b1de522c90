"""The five truths of a run: fired, admitted, executed, verified, announced.

Pure, and stored nowhere: they are read off what a run, its keeper and its channels have each
recorded. They are kept apart because each can be true without the next: a run that was started
is not yet admitted, one that has an answer is not yet verified, and nobody need know of it.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from rota.checks.verdicts import CheckOutcome, CheckState
from rota.expected.slot_state import SlotState, Verdict
from rota.failures import FailureCategory
from rota.keepers.state import LedgerEntry
from rota.model import Record
from rota.notices.receipts import Receipt
from rota.pipelines.run import PipelineResult
from rota.runs import AgentRunResult, RunStatus


class TruthState(StrEnum):
    """What is known of one of them."""

    YES = "yes"
    NO = "no"
    """Not so, or not yet."""
    UNKNOWN = "unknown"
    """Whoever would know was not asked, does not answer, or has forgotten."""
    NOT_APPLICABLE = "not_applicable"
    """There was nothing to verify, or nobody to tell."""


class Truth(Record):
    """One of the five."""

    state: TruthState
    at: datetime | None = None
    """Since when; None where that is not known, or there is no such time."""


class Truths(Record):
    """All of a run, or of a slot that never had one."""

    fired: Truth
    """It was started."""
    admitted: Truth
    """Its keeper let it work; the time is when it presented itself."""
    executed: Truth
    """It worked to an answer, good or not."""
    verified: Truth
    """The answer fits its schema and every check."""
    announced: Truth
    """Events were published, and every channel that is told of such an end has taken it."""

    @property
    def line(self) -> str:
        """All five for people: `fired 06:00:00 · admitted 06:00:01 · executed no · …`."""
        return " · ".join(f"{name} {_shown(truth)}" for name, truth in self)


YES, NO, UNKNOWN = (
    Truth(state=each) for each in (TruthState.YES, TruthState.NO, TruthState.UNKNOWN)
)
NOTHING = Truth(state=TruthState.NOT_APPLICABLE)


def truths_of(
    result: AgentRunResult | PipelineResult,
    started: datetime,
    ended: datetime | None,
    entry: LedgerEntry | None = None,
    receipts: Sequence[Receipt] | None = None,
) -> Truths:
    """Derive the truths of a run.

    Args:
        result: Its end, or what is known of a run in progress.
        started: When the server started it.
        ended: When it closed; None while it is open.
        entry: What its keeper's ledger has of it, if that was asked.
        receipts: What the channels that are told of its end say; None: they were not asked.
    """
    return Truths(
        fired=YES.model_copy(update={"at": started}),
        admitted=_admitted(result, entry),
        executed=_executed(result, ended),
        verified=_verified(result, ended),
        announced=_announced(result, ended, receipts),
    )


def truths_of_entry(entry: LedgerEntry) -> Truths:
    """Those of a run that the server has forgotten, by its keeper's ledger alone."""
    known = AgentRunResult(
        agent="",
        run_id=entry.run.id if entry.run else "",
        status=entry.status,
        trigger=entry.trigger,
        category=entry.category,
    )
    ended = entry.settled_at
    return Truths(
        fired=YES,
        admitted=_admitted(known, entry),
        executed=_executed(known, ended),
        verified=UNKNOWN if ended else NO,
        announced=UNKNOWN if ended else NO,
    )


def truths_of_no_run(verdict: Verdict) -> Truths:
    """Those of a slot for which no run was ever admitted."""
    fired = UNKNOWN if verdict.state is SlotState.UNKNOWN else NO
    if verdict.state is SlotState.UNADMITTED:
        fired = YES.model_copy(update={"at": verdict.at})
    return Truths(fired=fired, admitted=NO, executed=NO, verified=NOTHING, announced=NOTHING)


def _admitted(result: AgentRunResult | PipelineResult, entry: LedgerEntry | None) -> Truth:
    if entry is not None:
        refused = entry.status in (RunStatus.QUEUED, RunStatus.SKIPPED)
        return (NO if refused else YES).model_copy(update={"at": entry.admitted_at})
    if result.status is RunStatus.SUCCEEDED or _has_worked(result):
        return YES
    if result.status in (RunStatus.QUEUED, RunStatus.SKIPPED):
        return NO
    return UNKNOWN


def _has_worked(result: AgentRunResult | PipelineResult) -> bool:
    return isinstance(result, AgentRunResult) and result.turns > 0


def _executed(result: AgentRunResult | PipelineResult, ended: datetime | None) -> Truth:
    answered = result.status is RunStatus.SUCCEEDED or (
        result.status is RunStatus.FAILED and result.category is FailureCategory.OUTCOME_INVALID
    )
    return (YES if answered and ended else NO).model_copy(update={"at": ended})


def _verified(result: AgentRunResult | PipelineResult, ended: datetime | None) -> Truth:
    if ended is None:
        return NO
    checks: Sequence[CheckOutcome] = result.checks if isinstance(result, AgentRunResult) else ()
    if not checks:
        return NOTHING
    states = {each.state for each in checks}
    truth = NO if CheckState.FAILED in states else YES
    if CheckState.UNKNOWN in states and truth is YES:
        truth = UNKNOWN
    return truth.model_copy(update={"at": max(each.at for each in checks)})


def _announced(
    result: AgentRunResult | PipelineResult,
    ended: datetime | None,
    receipts: Sequence[Receipt] | None,
) -> Truth:
    if ended is None or result.untold:
        return NO
    if receipts is None:
        return UNKNOWN
    # Events are published before a run closes.
    times = [each.at for each in receipts if each.at is not None]
    times += [ended] if result.events else []
    if any(each.told is False for each in receipts):
        return NO
    if any(each.told is None for each in receipts):
        return UNKNOWN
    return YES.model_copy(update={"at": max(times)}) if times else NOTHING


def _shown(truth: Truth) -> str:
    if truth.state is TruthState.YES and truth.at is not None:
        return f"{truth.at:%H:%M:%S}"
    return {TruthState.NOT_APPLICABLE: "-"}.get(truth.state, truth.state.value)
