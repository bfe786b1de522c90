"""Topics under load, and continued as new in the middle of it: nothing lost, nothing double."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from rota.visibility import TOPIC_MEMO
from tests.hasty import hasty_server
from tests.stack import Stack, open_stack
from tests.workflows.gates import poll
from tests.workflows.topics import DONE, Topic

SIDE_BY_SIDE = 20
"""Publishers at once."""


async def flood(topic: Topic, count: int) -> None:
    """Publish `count` numbered events by signal, some at once."""
    turn = asyncio.Semaphore(SIDE_BY_SIDE)

    async def publish(number: int) -> None:
        async with turn:
            await topic.handle.signal("publish", {"id": str(number), "payload": {"n": number}})

    await asyncio.gather(*map(publish, range(count)))


async def another_execution(topic: Topic, than: str | None) -> None:
    """Wait until the topic has continued as new."""

    async def look() -> bool | None:
        return (await topic.handle.describe()).run_id != than or None

    await poll(look)


async def started(stack: Stack, name: str, count: int) -> list[str]:
    """The ids of an agent's runs, as the server lists them, once there are so many."""
    query = f"WorkflowType = 'AgentRun' AND WorkflowId STARTS_WITH '{name}-event-'"

    async def look() -> list[str] | None:
        ids = [run.id async for run in stack.client.list_workflows(query)]
        return ids if len(ids) >= count else None

    return await poll(look)


@pytest.mark.parametrize("events", [40, pytest.param(200, marks=pytest.mark.soak)])
async def test_topic_continued_as_new_amid_events_delivers_each_once(
    events: int, tmp_path: Path
) -> None:
    """Numbers have no gap, every event has its one run; the topic is continued after each 20."""
    async with AsyncExitStack() as running:
        server = await running.enter_async_context(hasty_server(40))
        hasty = await open_stack(server.address, tmp_path)
        topic, name = Topic(hasty, "closed"), hasty.name("settlement")
        await running.enter_async_context(hasty.worker())
        await hasty.declare(name, runtime=DONE)
        await topic.subscribe(name)
        for first in range(0, events, 20):
            execution = (await topic.handle.describe()).run_id
            for number in range(first, first + 20):
                await topic.handle.signal("publish", {"id": str(number)})
            await another_execution(topic, execution)
        await flood(topic, events)
        summary = await topic.quiet(events, seconds=60)
        state = await topic.state()
        ids = await started(hasty, name, events)
        memo = await (await topic.handle.describe()).memo_value(TOPIC_MEMO)
    assert set(memo["subscribers"]) == {name}
    assert (summary.delivered, summary.dead) == (events, 0)
    assert sorted(state.ids.values()) == list(range(1, events + 1))
    expected = sorted(f"{name}-event-{number}/{topic.event}" for number in range(events))
    assert sorted(ids) == expected


async def test_topic_keeps_up_with_a_thousand_events(stack: Stack) -> None:
    """A burst is looked at to the last event, and the newest are kept whole."""
    topic, name = Topic(stack, "closed"), stack.name("settlement")
    async with stack.worker():
        await topic.subscribe(name, filter="payload.n >= 995")
        await flood(topic, 1000)
        summary = await topic.quiet(1000, seconds=60)
        state = await topic.state()
    assert (summary.delivered, summary.filtered, summary.dead) == (5, 995, 0)
    assert [event.sequence for event in state.recent] == list(range(801, 1001))
    assert set(state.tallies) == set(range(801, 1001))


async def test_topic_without_a_worker_keeps_what_is_signalled(stack: Stack) -> None:
    """Whoever publishes need not wait for a worker: the server holds the signals."""
    topic, name = Topic(stack, "closed"), stack.name("settlement")
    async with stack.worker():
        await topic.subscribe(name, filter="false")
    await flood(topic, 50)
    async with stack.worker():
        summary = await topic.quiet(50)
    assert (summary.filtered, summary.dead) == (50, 0)


async def test_topic_with_large_payloads_passes_them_on(stack: Stack) -> None:
    """Many events of the largest size neither wedge the topic nor its queries."""
    topic, name = Topic(stack, "closed"), stack.name("settlement")
    text = "x" * 250_000
    async with stack.worker():
        await topic.subscribe(name, filter="payload.n == 29")
        for number in range(30):
            await topic.handle.signal("publish", {"payload": {"n": number, "text": text}})
        summary = await topic.quiet(30)
        seen, page = [], await topic.handle.query("events", 0)
        while page:
            seen += [found["event"]["sequence"] for found in page]
            page = await topic.handle.query("events", seen[-1])
    assert (summary.delivered, summary.filtered) == (1, 29)
    assert seen == list(range(15, 31))
