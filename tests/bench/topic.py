"""A thousand events to three subscribers: how fast a topic starts runs, and how soon.

The runs are started on a task queue that nobody serves, so what is measured is the way
from an event to its runs and not the runs' own work. The yardstick starts as many
workflows with three plain loops: one per subscriber, as order demands it of a topic, too.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from time import perf_counter

from temporalio.client import Client

from rota.coordination.spec import SubscriptionSpec
from rota.ids import event_run_id, keeper_queue, topic_id
from rota.topics.rules import unique_id
from rota.topics.topic import Subscriber
from tests.bench.measures import Effort, Measure, progress, quantile, ratio
from tests.bench.serve import bench_stack
from tests.bench.workload import Plan
from tests.stack import Stack
from workers.devserver import dev_server

QUEUE = "bench-topic"
UNSERVED = "bench-nobody"
SUBSCRIBERS = ("first", "second", "third")
PUBLISHERS = 20
"""Events on their way to the topic at once."""
PATIENCE = 240.0


@dataclass(frozen=True)
class Flow:
    """What became of a number of events."""

    seconds: float
    """From the first publication to the last start."""
    lags: list[float]
    """Seconds from each publication to each start."""


async def measure(folder: Path, effort: Effort) -> list[Measure]:
    """A burst of events, and as many starts by hand; then events at half that rate."""
    count = effort.scaled(1000, 200)
    calm = count // 5
    hand: list[float] = []
    rota: list[float] = []
    bursts: list[Flow] = []
    runs = count * len(SUBSCRIBERS)
    async with dev_server(database=folder / "temporal.db") as server:
        stack = await bench_stack(server.address, folder, QUEUE)
        async with stack.worker():
            for number in range(effort.rounds):
                hand.append(runs / await _by_hand(stack.client, f"hand-{number}", count))
                bursts.append(await _by_topic(stack, f"burst-{number}", count, _flood))
                rota.append(runs / bursts[-1].seconds)
                progress(f"round {number + 1}: by hand {hand[-1]:.0f}/s, Rota {rota[-1]:.0f}/s")
            pause = 2 * len(SUBSCRIBERS) / median(rota)
            drops = await _by_topic(stack, "drops", calm, _dripping(pause))
    lags = [lag for burst in bursts for lag in burst.lags]
    name = f"{count:,} events to {len(SUBSCRIBERS)} subscribers"
    rate = f"one event every {pause * 1000:.0f} ms, {calm} of them"
    return [
        Measure(f"{name}, deliveries a second", median(rota)),
        Measure(
            f"{name}, deliveries a second against plain loops of start_workflow",
            ratio(hand, rota),
            at_least=0.5,
            detail=f"{median(rota):.0f}/s against {median(hand):.0f}",
        ),
        Measure(f"{name} at once, published to run started, p50", quantile(lags, 0.5), "s"),
        Measure(f"{name} at once, published to run started, p99", quantile(lags, 0.99), "s"),
        Measure(f"{rate}, published to run started, p50", quantile(drops.lags, 0.5), "s"),
        Measure(f"{rate}, published to run started, p99", quantile(drops.lags, 0.99), "s"),
    ]


Publish = Callable[[int], Awaitable[None]]


async def _flood(publish: Publish, count: int) -> None:
    """As fast as they go."""
    left = iter(range(count))

    async def some() -> None:
        for number in left:
            await publish(number)

    async with asyncio.TaskGroup() as group:
        for _ in range(PUBLISHERS):
            group.create_task(some())


def _dripping(pause: float) -> Callable[[Publish, int], Awaitable[None]]:
    """One every `pause` seconds, however long each takes."""

    async def drip(publish: Publish, count: int) -> None:
        began = perf_counter()
        async with asyncio.TaskGroup() as group:
            for number in range(count):
                await asyncio.sleep(max(0.0, began + number * pause - perf_counter()))
                group.create_task(_once(publish, number))

    return drip


async def _once(publish: Publish, number: int) -> None:
    await publish(number)


async def _by_topic(
    stack: Stack,
    event: str,
    count: int,
    send: Callable[[Publish, int], Awaitable[None]],
) -> Flow:
    """Publish `count` events, and find every run that they start."""
    topic = await stack.client.start_workflow(
        "Topic", id=topic_id(event), task_queue=keeper_queue(QUEUE)
    )
    for name in SUBSCRIBERS:
        subscriber = Subscriber(
            name=f"{event}-{name}",
            fleet="bench",
            task_queue=UNSERVED,
            subscription=SubscriptionSpec(event=event, input=Plan().document),
        )
        await topic.execute_update("subscribe", subscriber)
    published: dict[int, datetime] = {}

    async def publish(number: int) -> None:
        published[number] = datetime.now(UTC)
        await topic.signal("publish", {"id": str(number), "payload": {"number": number}})

    await send(publish, count)
    started = await _started(stack.client, event, count * len(SUBSCRIBERS))
    ids = {
        event_run_id(f"{event}-{name}", unique_id(str(number), event)): at
        for number, at in published.items()
        for name in SUBSCRIBERS
    }
    return Flow(
        seconds=(max(started.values()) - min(published.values())).total_seconds(),
        lags=[(started[id] - at).total_seconds() for id, at in ids.items()],
    )


async def _by_hand(client: Client, prefix: str, count: int) -> float:
    """Start three times `count` workflows, each loop's in order; return the seconds."""

    async def serve(name: str) -> None:
        for number in range(count):
            await client.start_workflow(
                "AgentRun",
                {"agent": name, "input": Plan().document},
                id=f"{prefix}-{name}-{number}",
                task_queue=UNSERVED,
            )

    began = perf_counter()
    async with asyncio.TaskGroup() as group:
        for name in SUBSCRIBERS:
            group.create_task(serve(name))
    return perf_counter() - began


async def _started(client: Client, event: str, count: int) -> Mapping[str, datetime]:
    """When each run of an event's subscribers was started, once all are.

    Raises:
        TimeoutError: they were not in good time.
    """
    query = f"WorkflowType = 'AgentRun' AND WorkflowId STARTS_WITH '{event}-'"
    deadline = perf_counter() + PATIENCE
    # Counting costs the server little, listing thousands of runs again and again much.
    while True:
        await asyncio.sleep(0.5)
        found = (await client.count_workflows(query)).count
        if found >= count:
            break
        if perf_counter() > deadline:
            raise TimeoutError(f"{found} of {count} runs were started in {PATIENCE:.0f} s")
    return {run.id: run.start_time async for run in client.list_workflows(query)}
