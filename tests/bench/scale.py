"""Ten times the nodes, ten times the time: a pipeline of 1,000 nodes against one of 100.

Fans of 9 nodes, each with a node that gathers them; the next fan comes after that. Both
sizes are as wide as each other, so what differs is how much a run of a pipeline remembers.
"""

from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from temporalio.api.enums.v1 import EventType, TimeoutType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client

from tests.bench.arena import PARALLEL, finish
from tests.bench.measures import Effort, Measure, progress, ratio
from tests.bench.pipeline import INSTANT, staged
from tests.bench.serve import bench_stack
from tests.bench.stopwatch import Stopwatch
from tests.bench.workload import AGENT, look_up
from tests.pipelines import declare_pipeline, start_pipeline
from tests.replay.scenarios import chain
from tests.stack import Stack
from workers.devserver import dev_server
from workers.plugin import RotaPlugin

QUEUE = "bench-scale"
PIPELINE = "PipelineRun"
FAN = 9
LINEAR = 1.1
"""Time per node that may be lost on the way to ten times as many. A cost that grows with
every node would show as far more; runs of one size differ by a tenth among themselves."""
TASK_SECONDS = 1.0
"""Half of what the SDK takes for a deadlock."""


async def measure(folder: Path, effort: Effort) -> list[Measure]:
    """Time per node at both sizes, and what the large one leaves in history."""
    small, large = effort.scaled(100, 50), effort.scaled(1000, 200)
    stopwatch = Stopwatch()
    async with dev_server(database=folder / "temporal.db") as server:
        stack = await bench_stack(server.address, folder, QUEUE)
        plugins = [RotaPlugin(stack.store), stopwatch.plugin]
        stack.client = await Client.connect(server.address, plugins=plugins)
        async with stack.worker([look_up]):
            await stack.declare(PARALLEL, **AGENT)
            for nodes in (small, large):
                fans = [width for _ in range(nodes // (FAN + 1)) for width in (FAN, 1)]
                spec = staged(PARALLEL, fans, INSTANT)
                await declare_pipeline(stack, _name(nodes), nodes=spec)
            await _per_node(stack, small, "warm-up")
            before: list[float] = []
            after: list[float] = []
            code: dict[int, list[float]] = {small: [], large: []}

            async def per_node(nodes: int, number: str) -> float:
                spent = stopwatch.spent(PIPELINE)
                seconds = await _per_node(stack, nodes, number)
                code[nodes].append((stopwatch.spent(PIPELINE) - spent) / nodes)
                return seconds

            for number in range(effort.rounds):
                # Small ones on both sides of the large one: the machine's mood changes.
                around = [await per_node(small, f"{number}-a")]
                after.append(await per_node(large, str(number)))
                around.append(await per_node(small, f"{number}-b"))
                before.append(sum(around) / len(around))
                progress(
                    f"round {number + 1}: {before[-1] * 1000:.0f} ms a node of {small}, "
                    f"{after[-1] * 1000:.0f} ms a node of {large}"
                )
            executions = await _executions(stack.client, f"{_name(large)}-0")
    own, wall = stopwatch.longest(PIPELINE)
    keeper, _ = stopwatch.longest("Agent")
    return [
        Measure(
            f"time per node of a pipeline of {large} against one of {small}",
            ratio(before, after),
            at_most=LINEAR,
            detail=f"{median(after) * 1000:.1f} ms against {median(before) * 1000:.1f}",
        ),
        Measure(
            "of it, the pipeline's own workflow code",
            1000 * median(code[large]),
            "ms",
            detail=f"{1000 * median(code[small]):.2g} ms a node of {small}",
        ),
        Measure(
            f"executions of a run with {large} nodes",
            len(executions),
            # The server suggests it after 4,096 events.
            at_least=1 if effort.quick else 2,
            detail="continued as new; history of each: "
            + ", ".join(
                f"{count:,} events, {size / 1024:.0f} KiB" for count, size, _ in executions
            ),
        ),
        Measure(
            "its failed workflow tasks, deadlocks among them",
            sum(failed for _, _, failed in executions),
            at_most=0,
        ),
        Measure(
            "longest workflow task of a pipeline, in the worker",
            own,
            "s",
            at_most=TASK_SECONDS,
            detail=f"{wall:.2f} s with other threads in between; of a keeper {keeper:.2f} s",
        ),
    ]


def _name(nodes: int) -> str:
    return f"bench-scale-{nodes}"


async def _per_node(stack: Stack, nodes: int, number: str) -> float:
    """Seconds per node of one run."""
    began = perf_counter()
    await finish(await start_pipeline(stack, _name(nodes), f"{_name(nodes)}-{number}"))
    return (perf_counter() - began) / nodes


async def _executions(client: Client, workflow_id: str) -> list[tuple[int, int, int]]:
    """(events, bytes, failed workflow tasks) of each execution of a run."""
    found: list[tuple[int, int, int]] = []
    for run_id in await chain(client, workflow_id):
        handle: Any = client.get_workflow_handle(workflow_id, run_id=run_id)
        events = (await handle.fetch_history()).events
        failed = sum(_has_failed(event) for event in events)
        found.append((len(events), sum(event.ByteSize() for event in events), failed))
    return found


def _has_failed(event: HistoryEvent) -> bool:
    """True of a workflow task that the worker gave up, or never answered."""
    timed_out = event.workflow_task_timed_out_event_attributes
    # One that waited in vain for its cached run goes to any worker: busy, not failed.
    return (
        event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED
        or timed_out.timeout_type == TimeoutType.TIMEOUT_TYPE_START_TO_CLOSE
    )
