"""A run by its workflow id, whichever kind it is: an agent's, or a pipeline's."""

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
from rota.pipelines.run import PipelineResult
from rota.runs import AgentRunResult
from workers.cli.command_error import CommandError
from workers.cli.exit_codes import ExitCode
from workers.cli.pipeline_view import (
    PIPELINE_RUN_TYPE,
    PipelineView,
    listed_pipeline,
    pipeline_view,
    with_times,
)
from workers.cli.run_view import RUN_TYPE, RunView, view_of
from workflows.pipeline_run import FAILED

AnyView = RunView | PipelineView


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
    if found.workflow_type not in (RUN_TYPE, PIPELINE_RUN_TYPE):
        raise CommandError(
            f"'{run_id}' is no run but a workflow of type {found.workflow_type}", ExitCode.NOT_FOUND
        )
    return found


async def describe_open_run(
    client: Client, run_id: str, of_pipeline: str, of_ended: str
) -> WorkflowExecutionDescription:
    """Look up an agent's run that goes on.

    Args:
        client: Connected.
        run_id: Its workflow id.
        of_pipeline: What a pipeline's run does not do, and where to look instead.
        of_ended: What a run that has ended no longer does.

    Raises:
        CommandError: there is no such run, it is a pipeline's, or it has ended.
    """
    found = await describe_run(client, run_id)
    if is_pipeline(found):
        raise CommandError(f"{run_id} is a pipeline's run, which {of_pipeline}")
    if found.status is not WorkflowExecutionStatus.RUNNING:
        raise CommandError(f"{run_id} has ended: {of_ended}")
    return found


def is_pipeline(execution: WorkflowExecution) -> bool:
    """True of a pipeline's run."""
    return execution.workflow_type == PIPELINE_RUN_TYPE


async def listed_view(execution: WorkflowExecution) -> AnyView:
    """Read a run from a list or a description. No further call to the server."""
    return await (listed_pipeline if is_pipeline(execution) else view_of)(execution)


async def current_view(client: Client, execution: WorkflowExecution) -> AnyView:
    """Read a run as it stands; a pipeline's run at work is asked for its nodes."""
    if is_pipeline(execution):
        return await pipeline_view(client, execution)
    return await view_of(execution)


async def final_view(client: Client, handle: WorkflowHandle[Any, Any]) -> AnyView:
    """Wait for a run's end and return all of its result, outputs included."""
    document: Any = None
    refusal = ""
    try:
        document = await handle.result()
    except WorkflowFailureError as error:
        cause = error.cause
        if isinstance(cause, ApplicationError):
            document, refusal = result_in(cause), cause.message
    view = await listed_view(await describe_run(client, handle.id))
    # Its input was refused before there was a result: the failure alone says why.
    refused = {"reason": refusal} if document is None and refusal else {}
    if isinstance(view, PipelineView):
        result = PipelineResult.model_validate(document) if document else view.result
        ended = PipelineView(result.model_copy(update=refused), view.started, view.ended)
        return await with_times(client, ended)
    result = AgentRunResult.model_validate(document) if document else view.result
    return RunView(result.model_copy(update=refused), view.started, view.ended)


def result_in(cause: BaseException | None) -> Any:
    """The result that a run which did not succeed leaves in its failure; None if it leaves none."""
    if not isinstance(cause, ApplicationError) or not cause.details:
        return None
    ours = cause.type == FAILED or (cause.type or "").startswith("Run")
    return cause.details[0] if ours else None
