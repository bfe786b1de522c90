"""How far encryption reaches on the real server: what is covered, and what is refused."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.api.common.v1 import Payload, WorkflowExecution
from temporalio.api.query.v1 import WorkflowQuery
from temporalio.api.workflowservice.v1 import QueryWorkflowRequest
from temporalio.client import (
    Client,
    OutboundInterceptor,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleSpec,
    StartWorkflowInput,
    WorkflowExecutionStatus,
    WorkflowHandle,
    WorkflowUpdateFailedError,
)
from temporalio.client import Interceptor as ClientInterceptor
from temporalio.exceptions import ApplicationError

from rota.ids import keeper_id
from tests.encrypted import encrypted_fleet, key
from tests.stack import Stack, open_stack, script
from tests.workers.conftest import FiledServer
from tests.workflows.gates import GATED, Gate, poll
from workers.key_use import PLAIN, keys_in

A = key(21)


class Noting(ClientInterceptor):
    """Sends a header along with what it starts."""

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:
        return _Noting(next)


class _Noting(OutboundInterceptor):
    async def start_workflow(self, input: StartWorkflowInput) -> WorkflowHandle[Any, Any]:
        note = Payload(metadata={"encoding": b"json/plain"}, data=b'"note"')
        input.headers = {**input.headers, "note": note}
        return await super().start_workflow(input)


@pytest.fixture
async def sealed(filed: FiledServer, tmp_path: Path) -> Stack:
    """A strict fleet."""
    folder = tmp_path / "sealed"
    folder.mkdir()
    encrypted_fleet(folder, A)
    return await open_stack(filed.address, folder)


async def keys_of(client: Client, id: str) -> set[str]:
    """What the payloads of a history are encrypted with."""
    handle = client.get_workflow_handle(id)
    found = [keys_in(event) async for event in handle.fetch_history_events()]
    return set[str]().union(*found)


async def test_everything_that_people_read_of_a_run_is_encrypted(sealed: Stack) -> None:
    """Summary, details, memo, headers, steps' summaries, and what it says of itself now."""
    gate = Gate()
    name = sealed.name("told")
    config: dict[str, Any] = {**sealed.client.config()}
    config["interceptors"] = [*config["interceptors"], Noting()]
    noting = Client(**config)
    async with sealed.worker([gate.tool]):
        await sealed.declare(name, **GATED)
        run = await noting.start_workflow(
            "AgentRun",
            {"agent": name},
            id=f"{name}-1",
            task_queue=sealed.task_queue,
            static_summary="words",
            static_details="words",
            memo={"words": "words"},
        )
        await gate.reached.wait()
        request = QueryWorkflowRequest(
            namespace="default",
            execution=WorkflowExecution(workflow_id=run.id),
            query=WorkflowQuery(query_type="__temporal_workflow_metadata"),
        )
        told = await sealed.client.workflow_service.query_workflow(request)
        described = (await run.describe()).raw_description
        gate.opened.set()
        await run.result()
    first = await anext(aiter(run.fetch_history_events()))
    header = first.workflow_execution_started_event_attributes.header
    assert keys_in(header) == keys_in(first.user_metadata) == {A.id}
    assert keys_in(told) == keys_in(described) == {A.id}
    assert await keys_of(sealed.client, run.id) == {A.id}
    assert await keys_of(sealed.client, keeper_id(name)) == {A.id}


async def test_schedule_is_encrypted_but_for_its_note(sealed: Stack) -> None:
    """Arguments, memo, summary and details of what it starts."""
    action = ScheduleActionStartWorkflow(
        "AgentRun",
        {"agent": "words"},
        id=sealed.name("slot"),
        task_queue=sealed.task_queue,
        memo={"words": "words"},
        static_summary="words",
        static_details="words",
    )
    handle = await sealed.client.create_schedule(
        sealed.name("schedule"), Schedule(action, ScheduleSpec()), memo={"words": "words"}
    )
    try:
        await handle.pause(note="to be read by all")
        described = (await handle.describe()).raw_description
    finally:
        await handle.delete()
    assert keys_in(described) == {A.id}
    assert described.schedule.state.notes == "to be read by all"


async def test_plain_messages_are_refused_and_stop_nobody(sealed: Stack, tmp_path: Path) -> None:
    """An update is answered, a signal dropped; a run waits with the reason for all to read."""
    stack = await open_stack(sealed.address, tmp_path)
    name = sealed.name("strict")
    async with sealed.worker():
        await sealed.declare(name, runtime=script({"result": "done"}))
        outside = stack.client.get_workflow_handle(keeper_id(name))
        with pytest.raises(WorkflowUpdateFailedError) as caught:
            await outside.execute_update("freeze", {"reason": "no"})
        cause = caught.value.cause
        while cause is not None and "not encrypted" not in str(cause):
            cause = cause.__cause__
        assert isinstance(cause, ApplicationError)
        await outside.signal("run_closed", {"no": "thing"})
        run = await stack.client.start_workflow(
            "AgentRun",
            {"agent": name},
            id=f"{name}-plain",
            task_queue=sealed.task_queue,
            task_timeout=timedelta(seconds=1),
        )

        async def complaint() -> str | None:
            async for event in run.fetch_history_events():
                if event.HasField("workflow_task_failed_event_attributes"):
                    failure = event.workflow_task_failed_event_attributes.failure
                    return f"{failure.message} {failure.cause.message}"
            return None

        assert "a payload is not encrypted" in await poll(complaint)
        assert (await run.describe()).status is WorkflowExecutionStatus.RUNNING
        await run.terminate()
        # The keeper goes on as if nobody had said anything.
        await sealed.run(name, f"{name}-1")
    assert PLAIN in await keys_of(stack.client, keeper_id(name))
