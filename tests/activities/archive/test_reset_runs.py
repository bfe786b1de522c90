"""Runs that were reset in Temporal: all their executions are known, and none is garbage."""

from collections.abc import AsyncIterator

import pytest
from temporalio import workflow
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.audit.closed_runs import last_execution
from activities.audit.fetching import fetch_histories
from activities.audit.roots import server_roots
from rota.run_ref import RunRef
from tests.activities.archive.memory_store import MemoryStore
from workers.devserver import dev_server

FIRST_TASK = 4
"""Event that ends a run's first workflow task."""
DIGEST = "ab" * 32


@workflow.defn(name="AgentRun")
class Patient:
    """A run that does what it is told."""

    def __init__(self) -> None:
        self._said: list[str] = []

    @workflow.run
    async def run(self, given: str) -> None:
        """Go on in another execution, or end, when told to."""
        await workflow.wait_condition(lambda: not {"end", "again"}.isdisjoint(self._said))
        if "again" in self._said:
            workflow.continue_as_new(given)

    @workflow.signal
    def say(self, word: str) -> None:
        """Something that histories hold."""
        self._said.append(word)


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    """Of a server without the runs of other tests, which would all be read."""
    async with dev_server() as running:
        yield await Client.connect(running.address)


async def events(client: Client, run_id: str | None, count: int) -> None:
    """Wait until an execution has so many events."""
    handle = client.get_workflow_handle("run-1", run_id=run_id)
    seen = 0
    async for _ in handle.fetch_history_events(wait_new_event=True):
        if (seen := seen + 1) == count:
            return


async def test_run_that_was_reset_is_read_whole_and_its_objects_stay(client: Client) -> None:
    """Continued as new, reset, continued as new again, its workflow id used for another run."""
    async with Worker(
        client,
        task_queue="q",
        workflows=[Patient],
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):
        handle = await client.start_workflow("AgentRun", "x", id="run-1", task_queue="q")
        run = RunRef(id="run-1", key=handle.first_execution_run_id or "")
        await handle.signal("say", "again")
        while (begun := await client.get_workflow_handle("run-1").describe()).run_id == run.key:
            pass
        await events(client, begun.run_id, FIRST_TASK)
        reset = await client.workflow_service.reset_workflow_execution(
            ResetWorkflowExecutionRequest(
                namespace=client.namespace,
                workflow_execution=WorkflowExecution(workflow_id="run-1", run_id=begun.run_id),
                reason="test",
                workflow_task_finish_event_id=FIRST_TASK,
                request_id="one",
            )
        )
        newest = client.get_workflow_handle("run-1")
        await newest.signal("say", DIGEST)
        found = [data async for data in server_roots(client, MemoryStore(), ())]
        assert DIGEST.encode() in b"".join(found)
        await newest.signal("say", "again")
        while (last := await newest.describe()).run_id == reset.run_id:
            pass
        await newest.signal("say", "end")
        await client.get_workflow_handle("run-1", run_id=last.run_id).result()

        fetched = await fetch_histories(client, last)
        executions = [run.key, begun.run_id, reset.run_id, last.run_id]
        assert [each.run_id for each in fetched.executions] == executions
        found = [data async for data in server_roots(client, MemoryStore(), ())]
        assert DIGEST.encode() in b"".join(found)
        other = await client.start_workflow("AgentRun", "x", id="run-1", task_queue="q")
        ended = await last_execution(client, run)
        assert ended is not None
        assert ended.run_id == last.run_id
        await other.terminate()
