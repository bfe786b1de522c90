"""Put declarations in force with the keepers, and take them back.

Needs a worker: a keeper is a workflow, and only a worker makes one answer.
"""

import asyncio
from datetime import timedelta
from typing import Any

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client, WorkflowHandle, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.common import WorkflowIDConflictPolicy

from rota.agent_spec import AgentSpec
from rota.ids import keeper_id, keeper_queue
from rota.pinned_spec import PinnedSpec
from rota.pipelines.spec import PipelineSpec
from schedules.apply_errors import NoWorkerError
from schedules.desired import search_attributes

KEEPER_WORKFLOW = "Agent"
LOOK_AGAIN = timedelta(milliseconds=200)


async def wait_for_worker(client: Client, task_queue: str, timeout: timedelta) -> None:
    """Return as soon as a worker of `task_queue` has been seen to ask for keepers' work.

    Raises:
        NoWorkerError: none did within `timeout`.
    """
    request = DescribeTaskQueueRequest(
        namespace=client.namespace,
        task_queue=TaskQueue(name=keeper_queue(task_queue)),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    )
    try:
        async with asyncio.timeout(timeout.total_seconds()):
            while True:
                answer = await client.workflow_service.describe_task_queue(request)
                if answer.pollers:
                    return
                await asyncio.sleep(LOOK_AGAIN.total_seconds())
    except TimeoutError:
        raise NoWorkerError(task_queue) from None


async def start_keeper(
    client: Client, spec: AgentSpec | PipelineSpec, task_queue: str
) -> WorkflowHandle[Any, Any]:
    """Start the keeper of `spec.name` if there is none; nothing is declared by it. Idempotent."""
    return await client.start_workflow(
        KEEPER_WORKFLOW,
        id=keeper_id(spec.name),
        task_queue=keeper_queue(task_queue),
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        search_attributes=search_attributes(spec),
        static_summary=f"keeper of {spec.name}",
    )


async def declare(
    client: Client,
    spec: AgentSpec | PipelineSpec,
    fleet: str,
    task_queue: str,
    timeout: timedelta,
    by: str = "",
) -> None:
    """Put `spec` in force in the name of `by`, starting the keeper if there is none. Idempotent.

    Raises:
        NoWorkerError: the keeper did not answer within `timeout`.
    """
    keeper = await start_keeper(client, spec, task_queue)
    try:
        await keeper.execute_update(
            "declare", PinnedSpec.of(spec, fleet=fleet, by=by), rpc_timeout=timeout
        )
    except WorkflowUpdateRPCTimeoutOrCancelledError:
        # The list of pollers remembers a worker for minutes after it has gone.
        raise NoWorkerError(task_queue) from None


async def retire(client: Client, agent: str, task_queue: str, timeout: timedelta) -> None:
    """Take the declaration back; memory and ledger stay. Idempotent.

    Raises:
        NoWorkerError: the keeper did not answer within `timeout`.
    """
    keeper = client.get_workflow_handle(keeper_id(agent))
    try:
        await keeper.execute_update("retire", rpc_timeout=timeout)
    except WorkflowUpdateRPCTimeoutOrCancelledError:
        raise NoWorkerError(task_queue) from None
