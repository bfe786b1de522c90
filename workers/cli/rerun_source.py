"""What a re-run takes from the run it repeats: input, slot, lineage, the nodes' ends."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from temporalio.client import Client, WorkflowExecutionDescription, WorkflowFailureError
from temporalio.exceptions import ApplicationError

from rota.coordination.lineage import Lineage
from rota.pipelines.run import PipelineResult
from rota.runs import AgentRunInput
from rota.turns.checkpoint import RunArgument
from workers.cli.any_run import result_in
from workers.cli.command_error import CommandError
from workers.cli.pipeline_view import ask_nodes
from workers.cli.run_view import view_of
from workflows.run_kit.visibility import SCHEDULED_AT


@dataclass(frozen=True)
class OldRun:
    """A run of an agent that has ended."""

    agent: str
    slot: datetime | None
    input: dict[str, Any]
    """As it was started with."""
    lineage: Lineage | None


def key_of(described: WorkflowExecutionDescription) -> str:
    """The run's key: the run id of the first execution in its chain."""
    first = described.raw_description.workflow_execution_info.first_run_id
    return first or described.run_id


async def old_run(client: Client, described: WorkflowExecutionDescription) -> OldRun:
    """Read how an agent's run was started from the first event of its history.

    Raises:
        CommandError: its input was refused, so there is nothing to repeat.
    """
    handle = client.get_workflow_handle(described.id, run_id=described.run_id)
    given: AgentRunInput | None = None
    async for event in handle.fetch_history_events(page_size=1):
        started = event.workflow_execution_started_event_attributes
        (argument,) = await client.data_converter.decode(started.input.payloads)
        given = _read(argument)
        break
    if given is None:
        raise _nothing_to_repeat(described.id)
    # A run that ended before it was admitted has said nothing of its slot.
    scheduled = described.typed_search_attributes.get(SCHEDULED_AT)
    slot = given.slot or (await view_of(described)).result.slot or scheduled
    slot = slot.replace(microsecond=0) if slot else None
    return OldRun(given.agent, slot, given.input, given.lineage)


async def old_pipeline_run(client: Client, run_id: str) -> PipelineResult:
    """Return how a pipeline's run ended, the nodes' outputs included.

    From its result or its failure; a run that was cancelled or terminated left neither, but
    still answers what became of its nodes.

    Raises:
        CommandError: nothing answers, or its input was refused.
    """
    document: Any = None
    refused = False
    try:
        document = await client.get_workflow_handle(run_id).result()
    except WorkflowFailureError as error:
        document = result_in(error.cause)
        refused = isinstance(error.cause, ApplicationError)
    if document is not None:
        return PipelineResult.model_validate(document)
    asked = await ask_nodes(client, run_id)
    if asked is None and refused:
        raise _nothing_to_repeat(run_id)
    if asked is None:
        raise CommandError(
            f"what the nodes of {run_id} came to cannot be read, as no worker answers for it: "
            "start one with 'rota worker', or run the pipeline anew with 'rota run'"
        )
    return asked


def _nothing_to_repeat(run_id: str) -> CommandError:
    return CommandError(
        f"the input of {run_id} was refused, so there is nothing to repeat: start it anew with "
        "'rota run'"
    )


def _read(argument: Any) -> AgentRunInput | None:
    try:
        return RunArgument.model_validate(argument)
    except ValidationError:
        return None
