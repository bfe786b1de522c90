"""The way it should not be done: a loop whose conversation travels through its activities.

State in, state out, as many first versions are. Each step writes the whole conversation
to history twice, so history grows with the square of the turns, up to the server's limit.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from tests.bench.workload import look_up_text

CARRYING_QUEUE = "carrying"
PATIENCE = timedelta(minutes=1)


@activity.defn(name="carry_turn")
async def carry_turn(conversation: list[str]) -> list[str]:
    """Add the model's words."""
    return [*conversation, "look it up"]


@activity.defn(name="carry_tool")
async def carry_tool(conversation: list[str], tokens: int) -> list[str]:
    """Add a tool's result."""
    return [*conversation, look_up_text(tokens, str(len(conversation)))]


@workflow.defn(name="Carrying")
class CarryingWorkflow:
    """Turns and tool calls, the conversation in every one of them."""

    @workflow.run
    async def run(self, turns: int, tokens: int) -> int:
        """Return the number of turns taken."""
        conversation: list[str] = []
        for _ in range(turns):
            conversation = await workflow.execute_activity(
                carry_turn, args=[conversation], start_to_close_timeout=PATIENCE
            )
            conversation = await workflow.execute_activity(
                carry_tool, args=[conversation, tokens], start_to_close_timeout=PATIENCE
            )
        return turns


@asynccontextmanager
async def serving_carrying(client: Client) -> AsyncIterator[None]:
    """Serve it while the block lasts."""
    async with Worker(
        client,
        task_queue=CARRYING_QUEUE,
        workflows=[CarryingWorkflow],
        activities=[carry_turn, carry_tool],
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):
        yield


async def turns_until_the_end(handle: WorkflowHandle[CarryingWorkflow, int]) -> tuple[int, str]:
    """Wait for the end; return the turns that history holds, and how it ended."""
    ended = "finished"
    try:
        await handle.result()
    except WorkflowFailureError as error:
        ended = str(getattr(error.cause, "message", error.cause))
    described = await handle.describe()
    # Eleven or twelve events a turn; the first five begin and end the run.
    return round((described.history_length - 5) / 12), ended
