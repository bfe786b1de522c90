"""What changes in a pipeline's run while it works: its nodes, one line each time.

Asked of the run itself, so a worker must serve it; without one nothing changes either.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator

from temporalio.client import Client, WorkflowExecutionStatus

from rota.pipelines.run import PipelineResult
from workers.cli.output import now
from workers.cli.pipeline_report import describe_node
from workers.cli.pipeline_view import ask_nodes, listed_pipeline
from workers.cli.steps import StepLine

INTERVAL_SECONDS = 0.5


async def node_changes(client: Client, run_id: str) -> AsyncIterator[StepLine]:
    """Yield a line for each node that changes, until the run has ended.

    What happened between two looks shows as its outcome alone.
    """
    handle = client.get_workflow_handle(run_id)
    seen: dict[str, str] = {}
    while True:
        described = await handle.describe()
        if described.status is not WorkflowExecutionStatus.RUNNING:
            # The memo of a run that has ended tells without a worker.
            last = (await listed_pipeline(described)).result
            for line in _changed(seen, last):
                yield line
            return
        asked = await ask_nodes(client, run_id)
        for line in _changed(seen, asked) if asked is not None else ():
            yield line
        await asyncio.sleep(INTERVAL_SECONDS)


def _changed(seen: dict[str, str], result: PipelineResult) -> Iterator[StepLine]:
    """Yield what differs from `seen`, and note it there."""
    for name, node in result.nodes.items():
        told = describe_node(node)
        if told != seen.get(name, "waiting"):
            yield StepLine(now(), f"{name}: {told}")
        seen[name] = told
    waits = result.reason if not result.status.closed else ""
    if waits and waits != seen.get(""):
        yield StepLine(now(), f"{result.status.value}: {waits}")
    seen[""] = waits
