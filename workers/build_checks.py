"""What `rota doctor` says of builds: whether the server gives anybody anything.

Without worker versioning there is nothing to say. With it the server says nothing either, and
waits: for a build to be made current, or for workers of the one that is.
"""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime

from temporalio.api.enums.v1 import (
    TaskQueueType,
    VersionDrainageStatus,
    VersioningBehavior,
    WorkerVersioningMode,
)
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import (
    DescribeTaskQueueRequest,
    DescribeWorkerDeploymentRequest,
)
from temporalio.client import Client

from activities.pollers import POLL
from rota.list_query import quoted
from workers.build import Build, set_current
from workers.checks import Check

_BACK = (
    "start a worker of that build, or move each such run to the current one: 'temporal workflow "
    "update-options --workflow-id RUN --versioning-override-behavior auto_upgrade'"
)


async def check_builds(client: Client, task_queue: str) -> Check | None:
    """Look at who serves `task_queue`; None where workers are of no build, and none is current."""
    served, current = await _asking(client, task_queue)
    check = judged(served, current)
    if current is None or current not in served:
        return check
    waiting = await runs_left(client, current.deployment, served)
    return left_behind(waiting) if waiting else check


async def trouble_with_build(
    client: Client, task_queue: str, run: WorkflowExecutionInfo
) -> str | None:
    """Say why a run gets no worker though the queue has some; None if builds are not why."""
    served, current = await _asking(client, task_queue)
    if run.versioning_info.behavior == VersioningBehavior.VERSIONING_BEHAVIOR_PINNED:
        version = run.versioning_info.deployment_version
        own = Build(version.deployment_name, version.build_id)
        return None if own in served else f"it began on build {own}, which nobody serves: {_BACK}"
    check = judged(served, current)
    return None if check is None or check.ok else f"{check.found}; {check.cure}"


async def _asking(client: Client, task_queue: str) -> tuple[set[Build], Build | None]:
    """Return builds whose workers asked for work lately, and the one that new runs begin on."""
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
    return served, current


async def runs_left(client: Client, deployment: str, served: Collection[Build]) -> dict[Build, int]:
    """Return how many runs at work are of builds that nobody serves any more."""
    request = DescribeWorkerDeploymentRequest(
        namespace=client.namespace, deployment_name=deployment
    )
    answer = await client.workflow_service.describe_worker_deployment(request, retry=True)
    draining = [
        Build(deployment, version.deployment_version.build_id)
        for version in answer.worker_deployment_info.version_summaries
        if version.drainage_status == VersionDrainageStatus.VERSION_DRAINAGE_STATUS_DRAINING
    ]
    found: dict[Build, int] = {}
    for build in draining:
        if build not in served:
            # The server looks every few minutes only whether a build is drained.
            counted = await client.count_workflows(
                f"TemporalWorkerDeploymentVersion = {quoted(str(build))} "
                "AND TemporalWorkflowVersioningBehavior = 'Pinned' AND ExecutionStatus = 'Running'"
            )
            found |= {build: counted.count} if counted.count else {}
    return found


def left_behind(waiting: Mapping[Build, int]) -> Check:
    """Say that runs wait for builds; `waiting` has how many of each."""
    runs = ", ".join(f"{count} on {build}" for build, count in waiting.items())
    found = f"runs wait on builds that nobody serves: {runs}"
    return Check("build", False, found, _BACK)


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
