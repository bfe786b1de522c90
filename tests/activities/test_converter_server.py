"""The data converter on a real Temporal server: bad input ends runs, large values pass."""

import asyncio
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType
from temporalio.client import (
    Client,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowHandle,
    WorkflowUpdateFailedError,
)
from temporalio.common import RawValue
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Replayer, Worker

from activities.converter import data_converter
from activities.stores.local import LocalStore
from activities.stores.payloads import PAYLOAD_THRESHOLD
from rota.failures import PAYLOAD_ERROR_TYPE
from tests.activities.converter_workflows import ACTIVITIES, WORKFLOWS

TEMPORAL = Path(sys.executable).with_name("temporal")
QUEUE = "converter"


@dataclass
class Setup:
    """A server with one worker, and two ways in."""

    plain: Client
    """A client of somebody else: Temporal's default converter, no store."""
    ours: Client
    store: Path


@pytest.fixture(scope="module")
async def setup(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Setup]:
    """A dev server without UI on a free port, and a worker with our converter."""
    root = tmp_path_factory.mktemp("store")
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(TEMPORAL), ui=False, dev_server_log_level="error"
    ) as environment:
        plain = environment.client
        address = plain.service_client.config.target_host
        ours = await Client.connect(address, data_converter=data_converter(LocalStore(root)))
        async with Worker(ours, task_queue=QUEUE, workflows=WORKFLOWS, activities=ACTIVITIES):
            yield Setup(plain, ours, root)


async def start(client: Client, kind: str, *args: Any) -> WorkflowHandle[Any, Any]:
    """Start a workflow by its type name, as strangers do."""
    return await client.start_workflow(
        kind, args=args, id=f"{kind}-{uuid4()}", task_queue=QUEUE, result_type=None
    )


async def failure_of(handle: WorkflowHandle[Any, Any]) -> BaseException | None:
    """Wait for a run that must fail, see that it did so at once, and return the cause."""
    with pytest.raises(WorkflowFailureError) as caught:
        await handle.result()
    assert (await handle.describe()).status == WorkflowExecutionStatus.FAILED
    kinds = [event.event_type async for event in handle.fetch_history_events()]
    assert EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED not in kinds
    return caught.value.cause


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        ({"agnt": "x"}, "Not a valid Order: agent: Field required; agnt: Extra inputs"),
        ({"agent": 5}, "agent: Input should be a valid string"),
        ("reconciliation", "Not a valid Order: Input should be an object"),
        ([{"agent": "x"}], "Not a valid Order: Input should be an object"),
        (5, "Not a valid Order: Input should be an object"),
        (None, "Not a valid Order: Input should be an object"),
        (b'{"agent": "x"}', "Not a valid Order: Input should be"),
        (
            RawValue(Payload(metadata={"encoding": b"json/plain"}, data=b"not json")),
            "Invalid JSON",
        ),
        (
            RawValue(Payload(metadata={"encoding": b"binary/encrypted"}, data=b"?")),
            "Payload cannot be read: Unknown payload encoding binary/encrypted",
        ),
    ],
)
async def test_workflow_with_wrong_input_fails_cleanly(
    setup: Setup, sent: Any, message: str
) -> None:
    """What is no `Order` ends the run as failed, saying why, instead of wedging it."""
    cause = await failure_of(await start(setup.plain, "TakeOrder", sent))
    assert isinstance(cause, ApplicationError)
    assert cause.type == PAYLOAD_ERROR_TYPE
    assert message in cause.message


@pytest.mark.parametrize("sent", ['"text"', "[]", "7", "null", "{}"])
async def test_workflow_with_wrong_input_from_the_command_line_fails_cleanly(
    setup: Setup, sent: str
) -> None:
    """The same from `temporal workflow start`, whose user sees the reason."""
    address = setup.plain.service_client.config.target_host
    run = f"cli-{uuid4()}"
    command = [str(TEMPORAL), "workflow", "execute", "--address", address, "--type", "TakeOrder"]
    command += ["--task-queue", QUEUE, "--workflow-id", run, "--input", sent]
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=STDOUT)
    printed, _ = await process.communicate()
    assert process.returncode != 0
    assert "Not a valid Order" in printed.decode()
    await failure_of(setup.plain.get_workflow_handle(run))


async def test_large_input_and_result_pass_and_history_stays_small(setup: Setup) -> None:
    """3 MB in and a 5 MB activity result go round, through references of a few bytes."""
    order = {"agent": "x", "size": 5_000_000, "text": "i" * 3_000_000}
    handle = await start(setup.ours, "TakeOrder", order)
    result = await handle.result()
    assert result == {"got": "i" * 3_000_000, "made": "t" * 5_000_000}
    description = await handle.describe()
    assert description.raw_description.workflow_execution_info.history_size_bytes < 10_000


async def test_large_values_are_read_by_another_process(setup: Setup) -> None:
    """A client and a replayer of their own, given the same store, read the whole run."""
    handle = await start(setup.ours, "TakeOrder", {"agent": "x", "size": PAYLOAD_THRESHOLD})
    await handle.result()
    address = setup.plain.service_client.config.target_host
    converter = data_converter(LocalStore(setup.store))
    other = await Client.connect(address, data_converter=converter)
    assert len((await other.get_workflow_handle(handle.id).result())["made"]) == PAYLOAD_THRESHOLD
    history = await other.get_workflow_handle(handle.id).fetch_history()
    await Replayer(workflows=WORKFLOWS, data_converter=converter).replay_workflow(history)


async def test_activity_result_that_is_no_json_fails_without_retry(setup: Setup) -> None:
    """NaN from an activity is refused at its first attempt, not sent on as null."""
    handle = await start(setup.ours, "ReceiveNan")
    cause = await failure_of(handle)
    assert isinstance(cause, ActivityError)
    assert isinstance(cause.cause, ApplicationError)
    assert "the value is nan" in cause.cause.message
    attempts = [
        event.activity_task_started_event_attributes.attempt
        async for event in handle.fetch_history_events()
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED
    ]
    assert attempts == [1]


@pytest.mark.parametrize("to_activity", [True, False])
async def test_workflow_value_that_is_no_json_fails_cleanly(
    setup: Setup, to_activity: bool
) -> None:
    """NaN from workflow code, as argument or result, fails the run instead of wedging it."""
    cause = await failure_of(await start(setup.ours, "SendNan", to_activity))
    assert isinstance(cause, ApplicationError)
    assert cause.type == PAYLOAD_ERROR_TYPE


async def test_wrong_message_leaves_a_keeper_running(setup: Setup) -> None:
    """A wrong update is refused with the reason, a wrong signal dropped; right ones count."""
    handle = await start(setup.plain, "Keeper")
    await handle.signal("told", "nonsense")
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await handle.execute_update("asked", {"agnt": "x"})
    assert isinstance(caught.value.cause, ApplicationError)
    assert "agent: Field required" in caught.value.cause.message
    assert await handle.execute_update("asked", {"agent": "right"}) == 1
    await handle.signal("told", {"agent": "end"})
    assert await handle.result() == ["right", "end"]
