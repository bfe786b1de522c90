"""A pipeline run as it is listed and shown: from its memo, or asked of it while it runs."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from temporalio.client import Client, WorkflowExecution, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from activities.server_errors import is_missing
from rota.pipeline_run import PipelineResult
from rota.runs import RunStatus, Trigger
from rota.visibility import PIPELINE_MEMO
from workers.cli.command_error import CommandError
from workers.cli.exit_codes import ExitCode
from workers.cli.output import now
from workflows.run_kit.visibility import PIPELINE, SLOT, STATUS, TRIGGER

PIPELINE_RUN_TYPE = "PipelineRun"
ANSWER = timedelta(seconds=5)
"""How long a run in progress may take to say how its nodes stand; its worker may be gone."""

_ENDINGS = {
    WorkflowExecutionStatus.COMPLETED: RunStatus.SUCCEEDED,
    WorkflowExecutionStatus.FAILED: RunStatus.FAILED,
    WorkflowExecutionStatus.CANCELED: RunStatus.CANCELLED,
    WorkflowExecutionStatus.TERMINATED: RunStatus.FAILED,
    WorkflowExecutionStatus.TIMED_OUT: RunStatus.TIMED_OUT,
}


@dataclass(frozen=True)
class PipelineView:
    """One run of a pipeline."""

    result: PipelineResult
    """Without the nodes' outputs; of a run in progress, how its nodes stand."""
    started: datetime
    ended: datetime | None

    @property
    def took(self) -> timedelta:
        """How long it ran, or has been running."""
        return (self.ended or now()) - self.started

    @property
    def counts(self) -> str:
        """`3 succeeded, 1 failed`; empty if nothing is known of its nodes."""
        found = Counter(node.status for node in self.result.nodes.values())
        return ", ".join(f"{found[status]} {status}" for status in RunStatus if found[status])

    @property
    def document(self) -> dict[str, Any]:
        """The run as `--json` prints it: the result, with its times."""
        return {
            **self.result.model_dump(mode="json"),
            "started": self.started.isoformat(),
            "ended": self.ended.isoformat() if self.ended else None,
            "seconds": round(self.took.total_seconds(), 3),
        }


async def pipeline_view(client: Client, execution: WorkflowExecution) -> PipelineView:
    """Read a pipeline run. One that still works is asked how its nodes stand."""
    memo = await execution.memo_value(PIPELINE_MEMO, None)
    closed = execution.status is not WorkflowExecutionStatus.RUNNING
    if memo is not None and closed:
        result = PipelineResult.model_validate(memo)
    else:
        result = _from_attributes(execution)
        if not closed:
            result = await _asked(client, execution) or result
    return PipelineView(result, execution.start_time, execution.close_time)


async def pipeline_run(client: Client, run_id: str, pipeline: str | None = None) -> PipelineView:
    """Look a pipeline run up by its workflow id.

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
    view = await pipeline_view(client, found)
    if found.workflow_type != PIPELINE_RUN_TYPE:
        raise CommandError(
            f"'{run_id}' is no pipeline run but a workflow of type {found.workflow_type}",
            ExitCode.NOT_FOUND,
        )
    if pipeline is not None and view.result.pipeline not in ("", pipeline):
        raise CommandError(
            f"'{run_id}' is a run of {view.result.pipeline}, not of {pipeline}", ExitCode.NOT_FOUND
        )
    return view


async def newest_pipeline_run(client: Client, pipeline: str) -> PipelineView | None:
    """Return the newest run of a pipeline; None if there is none."""
    query = (
        f"WorkflowType = '{PIPELINE_RUN_TYPE}' AND RotaPipeline = '{pipeline}' "
        "AND ExecutionStatus != 'ContinuedAsNew'"
    )
    async for execution in client.list_workflows(query, limit=1):
        return await pipeline_view(client, execution)
    return None


async def _asked(client: Client, execution: WorkflowExecution) -> PipelineResult | None:
    handle = client.get_workflow_handle(execution.id)
    try:
        return await handle.query("status", result_type=PipelineResult, rpc_timeout=ANSWER)
    except RPCError as error:
        if error.status in (RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED):
            return None  # no worker serves it now; its attributes must do
        raise


def _from_attributes(execution: WorkflowExecution) -> PipelineResult:
    attributes = execution.typed_search_attributes
    status = RunStatus(attributes.get(STATUS) or RunStatus.RUNNING)
    if execution.status is not None and not status.closed:
        status = _ENDINGS.get(execution.status, status)
    return PipelineResult(
        pipeline=attributes.get(PIPELINE) or "",
        run_id=execution.id,
        status=status,
        trigger=Trigger(attributes.get(TRIGGER) or Trigger.MANUAL),
        slot=attributes.get(SLOT),
    )
