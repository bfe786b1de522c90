"""Calls of a runtime on a task queue of their own, at a rate that the server keeps."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import RateLimit, TaskQueue
from temporalio.api.workflowservice.v1 import (
    DescribeTaskQueueRequest,
    UpdateTaskQueueConfigRequest,
)

from rota.failures import FailureCategory, StepError
from rota.runs import RunStatus
from rota.runtimes.queue import RuntimeQueue
from tests.stack import Stack, open_stack
from tests.workflows.claude import events_of
from tests.workflows.providers import Provider, asks, provide
from workers.runtime_queues import limit_rates

RATE = 4.0
DOWN = StepError(FailureCategory.OVERLOADED, "no capacity")


async def rate_of(stack: Stack, queue: str) -> float | None:
    """What the server keeps."""
    described = await stack.client.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace=stack.client.namespace,
            task_queue=TaskQueue(name=queue),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
            report_config=True,
        )
    )
    limit = described.config.queue_rate_limit
    return limit.rate_limit.requests_per_second if limit.HasField("rate_limit") else None


@asynccontextmanager
async def two_workers(stack: Stack) -> AsyncGenerator[None]:
    """Two workers of the same fleet, each with a connection of its own."""
    other = await open_stack(stack.address, stack.folder)
    async with stack.worker(), stack.worker(client=other.client):
        yield


async def test_calls_of_a_runtime_stay_within_its_queues_rate_over_all_workers(
    stack: Stack,
) -> None:
    """Two workers and many runs: the server hands out so many calls a second, and no more."""
    main = Provider()
    provide(stack, main=main)
    queue = stack.name("calls")
    stack.runtime_queues = (RuntimeQueue(name=queue, requests_per_second=RATE),)
    name = stack.name("agent")
    loop = asyncio.get_running_loop()
    async with two_workers(stack):
        runtime = asks(stack, queue=queue, requests_per_second=RATE)
        await stack.declare(name, runtime=runtime, session={"concurrency": "parallel"})
        runs = 24
        began = loop.time()
        handles = [await stack.start(name, f"{name}-{number}") for number in range(runs)]
        results = await asyncio.gather(*(handle.result() for handle in handles))
        took = loop.time() - began
    assert {result.status for result in results} == {RunStatus.SUCCEEDED}
    assert main.calls == runs
    moments = sorted(main.times)
    # The server hands out bursts of about a second's calls for each partition of a queue.
    busiest = max(sum(at <= other < at + 2 for other in moments) for at in moments)
    assert busiest <= 4 * RATE, moments
    assert took >= runs / RATE / 2


async def test_queue_gives_its_declared_rate_back_and_leaves_a_persons_alone(
    stack: Stack,
) -> None:
    """A rate that is declared no more goes; one that somebody has set by hand stays."""
    queue, by_hand = stack.name("calls"), stack.name("by-hand")
    assert (
        await limit_rates(stack.client, [RuntimeQueue(name=queue, requests_per_second=3)]) == set()
    )
    assert await rate_of(stack, queue) == 3
    await limit_rates(stack.client, [RuntimeQueue(name=queue)])
    assert await rate_of(stack, queue) is None
    update = UpdateTaskQueueConfigRequest.RateLimitUpdate(
        rate_limit=RateLimit(requests_per_second=7), reason="the provider is slow today"
    )
    await stack.client.workflow_service.update_task_queue_config(
        UpdateTaskQueueConfigRequest(
            namespace=stack.client.namespace,
            task_queue=by_hand,
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
            update_queue_rate_limit=update,
        )
    )
    await limit_rates(stack.client, [RuntimeQueue(name=by_hand)])
    assert await rate_of(stack, by_hand) == 7


async def test_fallback_is_asked_on_its_own_queue(stack: Stack) -> None:
    """Each runtime of a chain has the queue of its own block."""
    main, spare = Provider(), Provider()
    main.down = DOWN
    provide(stack, main=main, spare=spare)
    queue = stack.name("spare")
    stack.runtime_queues = (RuntimeQueue(name=queue),)
    name = stack.name("agent")
    async with stack.worker():
        fallback = asks(stack, "spare", queue=queue)
        runtime = asks(stack, fallback=[fallback], fallback_after=1)
        await stack.declare(name, runtime=runtime)
        handle = await stack.start(name, f"{name}-1")
        result = await handle.result()
        queues = [
            event.activity_task_scheduled_event_attributes.task_queue.name
            for event in await events_of(handle)
            if event.HasField("activity_task_scheduled_event_attributes")
        ]
    assert (result.status, spare.calls) == (RunStatus.SUCCEEDED, 1)
    assert queues == [stack.task_queue, queue]
