"""What `rota doctor` says of builds: whether the server gives anybody anything.

Without worker versioning there is nothing to say. With it the server says nothing either, and
waits: for a build to be made current, or for workers of the one that is.
"""

from collections.abc import Collection
from datetime import UTC, datetime

from temporalio.api.enums.v1 import TaskQueueType, WorkerVersioningMode
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client

from activities.pollers import POLL
from workers.build import Build, set_current
from workers.checks import Check


async def check_builds(client: Client, task_queue: str) -> Check | None:
    """Look at who serves `task_queue`; None where workers are of no build, and none is current."""
    described = await client.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace=client.namespace,
            task_queue=TaskQueue(name=task_queue),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
        ),
        retry=True,
    )
    oldest = datetime.now(UTC) - POLL
    served = {
        Build(poller.deployment_options.deployment_name, poller.deployment_options.build_id)
        for poller in described.pollers
        if poller.last_access_time.ToDatetime(tzinfo=UTC) >= oldest
        and poller.deployment_options.worker_versioning_mode
        == WorkerVersioningMode.WORKER_VERSIONING_MODE_VERSIONED
    }
    version = described.versioning_info.current_deployment_version
    current = Build(version.deployment_name, version.build_id) if version.build_id else None
    return judged(served, current)


def judged(served: Collection[Build], current: Build | None) -> Check | None:
    """Say what comes of it.

    Args:
        served: Builds whose workers asked for work lately.
        current: The one that new runs begin on.
    """
    if current in served:
        others = ", ".join(sorted(str(build) for build in served if build != current))
        more = f"; {others} for runs that began there" if others else ""
        return Check("build", True, f"new runs begin on {current}{more}")
    if current:
        found = f"new runs begin on {current}, which nobody serves: they wait"
        others = "".join(f", or '{set_current(build)}'" for build in sorted(served, key=str)[:1])
        return Check("build", False, found, f"start its workers{others}")
    if not served:
        return None
    newest = max(served, key=str)
    found = f"no build is current: workers of {newest} are given nothing, and runs wait"
    return Check("build", False, found, f"'{set_current(newest)}'")
