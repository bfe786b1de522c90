"""The task queues of runtimes: served by every worker of the fleet, their rates on the server.

The worker sets the rate, at its start, and not `rota apply`: whoever polls a queue can still
hold the rate where the server cannot keep it, and no queue is served before it is limited.
The server counts calls over all workers, and spreads them.
"""

import logging
from collections.abc import Sequence
from pathlib import Path

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import RateLimit, TaskQueue
from temporalio.api.workflowservice.v1 import (
    DescribeTaskQueueRequest,
    UpdateTaskQueueConfigRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError

from rota.ids import keeper_queue, watch_queue
from rota.runtimes.queue import RuntimeQueue
from schedules.declaration_errors import DeclarationErrors
from schedules.fleet import load_fleet
from schedules.runtime_queues import runtime_queues

log = logging.getLogger("rota.worker")

DECLARED = "declared by the fleet: requests_per_second of a runtime"
"""How the server is told whose rate it is. One that a person has set is left alone by a fleet
that declares none."""

ACTIVITIES = TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY


def fleet_queues(folder: Path, task_queue: str) -> tuple[RuntimeQueue, ...]:
    """Return the runtime queues that the fleet's files name, but for the worker's own.

    A fleet that cannot be read keeps no worker from serving: it is logged, and runs that name
    a queue wait for a worker that can.
    """
    try:
        queues = runtime_queues(load_fleet(folder))
    except DeclarationErrors as error:
        log.error("no runtime.queue is served, mend the fleet and restart: %s", error.errors[0])
        return ()
    own = (task_queue, keeper_queue(task_queue), watch_queue(task_queue))
    for queue in queues:
        if queue.name in own:
            log.error("runtime.queue %s is a queue of runs: name another", queue.name)
    return tuple(queue for queue in queues if queue.name not in own)


async def limit_rates(client: Client, queues: Sequence[RuntimeQueue]) -> set[str]:
    """Set each queue's rate on the server, or take back what a fleet has declared before.

    Returns:
        The queues whose rate the server does not keep: the workers' own limit must.
    """
    unkept: set[str] = set()
    for queue in queues:
        try:
            if queue.requests_per_second is not None or await _is_declared(client, queue.name):
                await _set_rate(client, queue)
        except RPCError as error:
            unkept.add(queue.name)
            log.warning(
                "the server keeps no rate of queue %s (%s): workers ask for it as they poll",
                queue.name,
                error.message,
            )
    return unkept


async def _set_rate(client: Client, queue: RuntimeQueue) -> None:
    update = UpdateTaskQueueConfigRequest.RateLimitUpdate(reason=DECLARED)
    if queue.requests_per_second is not None:
        limit = RateLimit(requests_per_second=queue.requests_per_second)
        update.rate_limit.CopyFrom(limit)
    await client.workflow_service.update_task_queue_config(
        UpdateTaskQueueConfigRequest(
            namespace=client.namespace,
            identity=client.identity,
            task_queue=queue.name,
            task_queue_type=ACTIVITIES,
            update_queue_rate_limit=update,
        ),
        retry=True,
    )


async def _is_declared(client: Client, queue: str) -> bool:
    """True if the queue has a rate that some fleet has declared."""
    described = await client.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace=client.namespace,
            task_queue=TaskQueue(name=queue),
            task_queue_type=ACTIVITIES,
            report_config=True,
        ),
        retry=True,
    )
    limit = described.config.queue_rate_limit
    return limit.HasField("rate_limit") and limit.metadata.reason == DECLARED
