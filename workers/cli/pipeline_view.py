"""A pipeline run as it is listed and shown: from its memo, or asked of it while it runs."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from temporalio.client import (
    Client,
    WorkflowExecution,
    WorkflowExecutionStatus,
    WorkflowQueryFailedError,
)
from temporalio.service import RPCError

from activities.stores.base import KeyNeededError
from rota.kinds import WORKFLOW_TYPES
from rota.list_query import quoted
from rota.pipelines.run import PipelineResult
from rota.runs import RunStatus, Trigger
from rota.visibility import PIPELINE_MEMO
from workers.cli.output import format_took
from workers.cli.run_view import RUN_TYPE, status_of, view_of
from workers.cli.standing import UNANSWERED
from workers.cli.timed_view import TimedView
from workflows.run_kit.visibility import PIPELINE, SLOT, TRIGGER

PIPELINE_RUN_TYPE = WORKFLOW_TYPES["Pipeline"]
MOST_TIMES = 1000
"""Runs of nodes whose times are looked up: one page of a list."""
ANSWER = timedelta(seconds=5)
"""How long a run in progress may take to say how its nodes stand; its worker may be gone."""


@dataclass(frozen=True)
class PipelineView(TimedView[PipelineResult]):
    """One run of a pipeline: without its nodes' outputs; in progress, how its nodes stand."""

    times: Mapping[str, timedelta] = field(default_factory=dict[str, timedelta])
    """By workflow id, how long a node's run took, where that was looked up."""

    @property
    def counts(self) -> str:
        """`3 succeeded, 1 failed`; empty if nothing is known of its nodes."""
        return count_nodes(self.result)

    @property
    def summary(self) -> str:
        """`3 succeeded, 1 failed, 12.3s`."""
        return ", ".join(part for part in (self.counts, format_took(self.took)) if part)


def count_nodes(result: PipelineResult) -> str:
    """`3 succeeded, 1 failed`; empty if nothing is known of the nodes."""
    found = Counter(node.status for node in result.nodes.values())
    return ", ".join(f"{found[status]} {status}" for status in RunStatus if found[status])


async def listed_pipeline(execution: WorkflowExecution) -> PipelineView:
    """Read a pipeline run from a list or a description. No further call to the server."""
    try:
        memo = await execution.memo_value(PIPELINE_MEMO, None)
    except KeyNeededError as error:
        left = _from_attributes(execution).model_copy(update={"reason": str(error)})
        return PipelineView(left, execution.start_time, execution.close_time, unread=str(error))
    if memo is not None and execution.status is not WorkflowExecutionStatus.RUNNING:
        result = PipelineResult.model_validate(memo)
    else:
        result = _from_attributes(execution)
    return PipelineView(result, execution.start_time, execution.close_time)


async def pipeline_view(client: Client, execution: WorkflowExecution) -> PipelineView:
    """Read a pipeline run. One that still works is asked how its nodes stand."""
    view = await listed_pipeline(execution)
    if execution.status is WorkflowExecutionStatus.RUNNING:
        asked = await ask_nodes(client, execution.id)
        if asked is not None:
            return replace(view, result=asked)
    return view


async def ask_nodes(client: Client, run_id: str) -> PipelineResult | None:
    """Ask a run how its nodes stand, outputs included; one that has ended knows it, too.

    Returns:
        None if no worker answers.
    """
    handle = client.get_workflow_handle(run_id)
    try:
        return await handle.query("status", result_type=PipelineResult, rpc_timeout=ANSWER)
    except WorkflowQueryFailedError:
        return None  # it has just begun, or its worker cannot go on
    except RPCError as error:
        if error.status in UNANSWERED:
            return None
        raise


async def newest_pipeline_run(client: Client, pipeline: str) -> PipelineView | None:
    """Return the newest run of a pipeline; None if there is none."""
    query = (
        f"WorkflowType = '{PIPELINE_RUN_TYPE}' AND RotaPipeline = '{pipeline}' "
        "AND ExecutionStatus != 'ContinuedAsNew'"
    )
    async for execution in client.list_workflows(query, limit=1):
        return await pipeline_view(client, execution)
    return None


def _from_attributes(execution: WorkflowExecution) -> PipelineResult:
    attributes = execution.typed_search_attributes
    return PipelineResult(
        pipeline=attributes.get(PIPELINE) or "",
        run_id=execution.id,
        status=status_of(execution)[0],
        trigger=Trigger(attributes.get(TRIGGER) or Trigger.MANUAL),
        slot=attributes.get(SLOT),
    )


async def with_times(client: Client, view: PipelineView) -> PipelineView:
    """Add to a run what the lists know of its nodes' runs."""
    query = f"WorkflowType = '{RUN_TYPE}' AND ParentWorkflowId = {quoted(view.result.run_id)}"
    times: dict[str, timedelta] = {}
    async for execution in client.list_workflows(query, limit=MOST_TIMES):
        times.setdefault(execution.id, (await view_of(execution)).took)
    return replace(view, times=times)
