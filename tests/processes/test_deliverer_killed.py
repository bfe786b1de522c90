"""A worker that dies while it delivers events: another goes on, each run exists once."""

import asyncio

from tests.processes.worker_process import worker_process
from tests.stack import Stack
from tests.workflows.topics import DONE, Topic, runs_of, start_times


async def test_worker_dead_amid_a_batch_leaves_one_run_per_event_and_subscriber(
    stack: Stack,
) -> None:
    """What it had started is found, not started again, and the order holds."""
    topic = Topic(stack, "closed")
    names = [stack.name("first"), stack.name("second")]
    async with worker_process(stack, ("tests.processes.dying_deliverer", "7")) as dying:
        for name in names:
            await stack.declare(name, runtime=DONE)
            await topic.subscribe(name)
        for number in range(10):
            await topic.handle.signal("publish", {"id": str(number)})
        assert await asyncio.to_thread(dying.wait, 30) == 137
    async with worker_process(stack):
        summary = await topic.quiet(10)
        orders = [await start_times(stack, await runs_of(stack, name, 10)) for name in names]
    assert (summary.delivered, summary.dead) == (20, 0)
    for name, order in zip(names, orders, strict=True):
        assert order == [f"{name}-event-{number}/{topic.event}" for number in range(10)]
