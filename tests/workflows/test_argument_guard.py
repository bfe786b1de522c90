"""A wrong number of arguments is refused; it neither hangs a run nor stops a keeper."""

from typing import Any

import pytest
from temporalio.client import WorkflowFailureError, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from rota.failures import PAYLOAD_ERROR_TYPE
from rota.ids import keeper_id
from tests.stack import Stack, script


@pytest.mark.parametrize("args", [[], [{"agent": "a"}, {"agent": "b"}]], ids=["none", "two"])
async def test_agent_run_with_wrong_number_of_inputs_fails_cleanly(
    stack: Stack, args: list[Any]
) -> None:
    """A start without an input, or with two, fails and says how many it takes."""
    async with stack.worker():
        run = await stack.client.start_workflow(
            "AgentRun", args=args, id=stack.name("run"), task_queue=stack.task_queue
        )
        with pytest.raises(WorkflowFailureError) as caught:
            await run.result()
    cause = caught.value.cause
    assert isinstance(cause, ApplicationError)
    assert cause.type == PAYLOAD_ERROR_TYPE
    assert f"takes 1 JSON argument, not {len(args)}" in cause.message


async def test_keeper_refuses_update_without_argument_and_serves_on(stack: Stack) -> None:
    """An update that lacks its argument fails alone; the next message is served."""
    name = stack.name("worker")
    async with stack.worker():
        await stack.declare(name, runtime=script({"result": "done"}))
        keeper = stack.client.get_workflow_handle(keeper_id(name))
        with pytest.raises(WorkflowUpdateFailedError):
            await keeper.execute_update("admit")
        result = await stack.run(name, f"{name}-1")
    assert result.output == "done"


async def test_run_drops_signal_without_argument_and_goes_on(stack: Stack) -> None:
    """A grant without its content is dropped: the run ends as if it had not come."""
    name = stack.name("worker")
    async with stack.worker():
        await stack.declare(name, runtime=script({"seconds": 1, "result": "done"}))
        run = await stack.start(name, f"{name}-1")
        await run.signal("lease_granted")
        result = await run.result()
    assert result.output == "done"
