"""An agent's run as it is listed and shown, read without a worker: attributes, memo, result."""

from dataclasses import dataclass, replace
from typing import Any

from temporalio.client import WorkflowExecution, WorkflowExecutionStatus

from activities.stores.base import KeyNeededError
from rota.kinds import WORKFLOW_TYPES
from rota.runs import AgentRunResult, RunStatus, Trigger
from rota.usage import Usage, format_cost
from rota.visibility import RESULT_MEMO
from workers.cli.output import format_took
from workers.cli.timed_view import TimedView
from workflows.run_kit.visibility import AGENT, SLOT, STATUS, TRIGGER

RUN_TYPE = WORKFLOW_TYPES["Agent"]

GOOD = (RunStatus.SUCCEEDED, RunStatus.SKIPPED)
"""Ends that are no failure: a skipped run says why it had nothing to do."""

_ENDINGS: dict[WorkflowExecutionStatus, tuple[RunStatus, str]] = {
    WorkflowExecutionStatus.COMPLETED: (RunStatus.SUCCEEDED, ""),
    WorkflowExecutionStatus.FAILED: (RunStatus.FAILED, "failed before it could settle"),
    WorkflowExecutionStatus.CANCELED: (RunStatus.CANCELLED, "cancelled"),
    WorkflowExecutionStatus.TERMINATED: (RunStatus.FAILED, "terminated in Temporal"),
    WorkflowExecutionStatus.TIMED_OUT: (RunStatus.TIMED_OUT, "timed out in Temporal"),
}


@dataclass(frozen=True)
class RunView(TimedView[AgentRunResult]):
    """One run; in progress it has counted nothing yet."""

    @property
    def has_counted(self) -> bool:
        """True if its counts are known: those of its end, or what it has told meanwhile."""
        result = self.result
        ended = self.ended is not None and not self.unread
        return ended or bool(result.turns or result.usage.tokens)

    def as_told(self, status: dict[str, Any]) -> "RunView":
        """This run in progress with what it tells of itself, as its query `status` does."""
        told = {
            "turns": status["turn"],
            "tool_calls": status["tool_calls"],
            "usage": Usage.model_validate(status.get("usage", {})),
            "below": Usage.model_validate(status.get("below", {})),
            "runtime": status.get("runtime", ""),
            "fallback": status.get("fallback", 0),
            "provider": status.get("provider", ""),
            "links": status.get("links", {}),
        }
        return replace(self, result=self.result.model_copy(update=told))

    @property
    def summary(self) -> str:
        """`3 turns, 2 tool calls, 1,234 tokens, $0.0012, 2.31s`; what is not known left out."""
        if not self.has_counted:
            return format_took(self.took)
        result = self.result
        counts = (
            _count(result.turns, "turn"),
            _count(result.tool_calls, "tool call"),
            _count(result.usage.tokens, "token"),
            format_cost(result.usage.cost_micros) + _unknown(result.usage),
            *_below(result.below),
            format_took(self.took),
        )
        return ", ".join(counts)


async def view_of(execution: WorkflowExecution) -> RunView:
    """Read a run from a list or a description. No further call to the server."""
    try:
        memo = await execution.memo_value(RESULT_MEMO, None)
    except KeyNeededError as error:
        # Of a run whose key is gone what people search by is left; others of its list are whole.
        left = _from_attributes(execution).model_copy(update={"reason": str(error)})
        return RunView(left, execution.start_time, execution.close_time, unread=str(error))
    closed = execution.status is not WorkflowExecutionStatus.RUNNING
    if memo is not None and closed:
        result = AgentRunResult.model_validate(memo)
    else:
        result = _from_attributes(execution)
    return RunView(result, execution.start_time, execution.close_time)


def status_of(execution: WorkflowExecution) -> tuple[RunStatus, str]:
    """How a run of either kind stands by its attributes, and what its ending in Temporal says."""
    status = RunStatus(execution.typed_search_attributes.get(STATUS) or RunStatus.RUNNING)
    if execution.status is None or execution.status not in _ENDINGS:
        return status, ""
    ending, reason = _ENDINGS[execution.status]
    return (status if status.closed else ending), reason


def _from_attributes(execution: WorkflowExecution) -> AgentRunResult:
    attributes = execution.typed_search_attributes
    status, reason = status_of(execution)
    return AgentRunResult(
        agent=attributes.get(AGENT) or "",
        run_id=execution.id,
        status=status,
        trigger=Trigger(attributes.get(TRIGGER) or Trigger.MANUAL),
        slot=attributes.get(SLOT),
        reason=reason,
    )


def _unknown(usage: Usage) -> str:
    """What is not in the cost: calls that may have been billed and told nothing."""
    if not usage.unknown_attempts:
        return ""
    most = f", at most {format_cost(usage.unknown_micros)}" if usage.unknown_micros else ""
    return f" + {_count(usage.unknown_attempts, 'attempt')} of unknown cost{most}"


def _below(usage: Usage) -> tuple[str, ...]:
    """What the runs that it called have cost, which is not in its own cost."""
    if not usage.tokens and usage.cost_micros == 0:
        return ()
    return (f"{format_cost(usage.cost_micros)} below it",)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
