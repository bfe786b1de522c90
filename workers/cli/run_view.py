"""A run as it is listed and shown, read without a worker: attributes, memo, result."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from temporalio.client import (
    Client,
    WorkflowExecution,
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowHandle,
)
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from activities.server_errors import is_missing
from rota.runs import AgentRunResult, RunStatus, Trigger
from rota.usage import format_cost
from rota.visibility import RESULT_MEMO
from workers.cli.command_error import CommandError
from workers.cli.exit_codes import ExitCode
from workers.cli.output import format_took, now
from workflows.run_kit.visibility import AGENT, SLOT, STATUS, TRIGGER

RUN_TYPE = "AgentRun"

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
class RunView:
    """One run."""

    result: AgentRunResult
    """What is known of its result; a run in progress has counted nothing yet."""
    started: datetime
    ended: datetime | None

    @property
    def took(self) -> timedelta:
        """How long it ran, or has been running."""
        return (self.ended or now()) - self.started

    @property
    def document(self) -> dict[str, Any]:
        """The run as `--json` prints it: the result, with its times."""
        return {
            **self.result.model_dump(mode="json"),
            "started": self.started.isoformat(),
            "ended": self.ended.isoformat() if self.ended else None,
            "seconds": round(self.took.total_seconds(), 3),
        }

    @property
    def summary(self) -> str:
        """`3 turns, 2 tool calls, 1,234 tokens, $0.0012, 2.31s`."""
        result = self.result
        counts = (
            _count(result.turns, "turn"),
            _count(result.tool_calls, "tool call"),
            _count(result.usage.tokens, "token"),
            format_cost(result.usage.cost_micros),
            format_took(self.took),
        )
        return ", ".join(counts)


async def view_of(execution: WorkflowExecution) -> RunView:
    """Read a run from a list or a description. No further call to the server."""
    memo = await execution.memo_value(RESULT_MEMO, None)
    closed = execution.status is not WorkflowExecutionStatus.RUNNING
    if memo is not None and closed:
        result = AgentRunResult.model_validate(memo)
    else:
        result = _from_attributes(execution)
    return RunView(result, execution.start_time, execution.close_time)


async def describe_run(client: Client, run_id: str) -> WorkflowExecutionDescription:
    """Look a run up by its workflow id.

    Raises:
        CommandError: there is none, or it is something else; exit code 4.
    """
    try:
        found = await client.get_workflow_handle(run_id).describe()
    except RPCError as error:
        if not is_missing(error):
            raise
        raise CommandError(
            f"no run '{run_id}' in namespace {client.namespace}: 'rota runs' lists those there are",
            ExitCode.NOT_FOUND,
        ) from error
    if found.workflow_type != RUN_TYPE:
        raise CommandError(
            f"'{run_id}' is no run but a workflow of type {found.workflow_type}", ExitCode.NOT_FOUND
        )
    return found


async def final_view(client: Client, handle: WorkflowHandle[Any, Any]) -> RunView:
    """Wait for a run's end and return all of its result, output included."""
    result: AgentRunResult | None = None
    refusal = ""
    try:
        result = AgentRunResult.model_validate(await handle.result())
    except WorkflowFailureError as error:
        cause = error.cause
        if isinstance(cause, ApplicationError):
            result, refusal = _from_details(cause), cause.message
    view = await view_of(await describe_run(client, handle.id))
    if result is None and refusal:
        # Its input was refused before there was a result: the failure alone says why.
        result = view.result.model_copy(update={"reason": refusal})
    return view if result is None else RunView(result, view.started, view.ended)


def _from_details(cause: ApplicationError) -> AgentRunResult | None:
    if not (cause.type or "").startswith("Run") or not cause.details:
        return None
    return AgentRunResult.model_validate(cause.details[0])


def _from_attributes(execution: WorkflowExecution) -> AgentRunResult:
    attributes = execution.typed_search_attributes
    status, reason = RunStatus(attributes.get(STATUS) or RunStatus.RUNNING), ""
    if execution.status is not None and execution.status in _ENDINGS:
        ending, reason = _ENDINGS[execution.status]
        if not status.closed:
            status = ending
    return AgentRunResult(
        agent=attributes.get(AGENT) or "",
        run_id=execution.id,
        status=status,
        trigger=Trigger(attributes.get(TRIGGER) or Trigger.MANUAL),
        slot=attributes.get(SLOT),
        reason=reason,
    )


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
