"""Who serves a task queue right now."""

from datetime import UTC, datetime, timedelta

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client

POLL = timedelta(seconds=70)
"""A living worker asks again at least every 60 s; the server lists it for 5 minutes."""


async def pollers(
    client: Client,
    task_queue: str,
    kind: TaskQueueType.ValueType = TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
) -> list[str]:
    """Return the identities of workers that asked for tasks of that kind of `task_queue` lately.

    A worker killed within the last `POLL` may still be among them.
    """
    described = await client.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace=client.namespace,
            task_queue=TaskQueue(name=task_queue),
            task_queue_type=kind,
        ),
        retry=True,
    )
    oldest = datetime.now(UTC) - POLL
    return sorted(
        {
            poller.identity
            for poller in described.pollers
            if poller.last_access_time.ToDatetime(tzinfo=UTC) >= oldest
        }
    )
