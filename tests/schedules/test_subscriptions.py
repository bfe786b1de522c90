"""Subscribing and unsubscribing the way `rota apply` does, and reading who subscribes."""

from datetime import timedelta

import pytest

from schedules.apply_errors import ApplyError, NoWorkerError
from schedules.subscriptions import (
    live_subscribers,
    subscribe,
    subscriptions_of,
    unsubscribe,
)
from tests.stack import Stack
from tests.workflows.gates import poll
from tests.workflows.topics import PATIENCE, Topic


async def take_back(topic: Topic, name: str, fleet: str = "test") -> None:
    """Unsubscribe an agent the way `rota apply` does."""
    stack = topic.stack
    await unsubscribe(stack.client, name, fleet, topic.event, stack.task_queue, PATIENCE)


async def test_subscribers_can_be_read_without_a_worker(stack: Stack) -> None:
    """A plan needs none: the topic's memo says who subscribes, and for which fleet."""
    topic, client = Topic(stack, "closed"), stack.client
    assert await live_subscribers(client, topic.event) == {}
    async with stack.worker():
        for name, fleet in (("b", "sales"), ("a", "finance"), ("c", "sales")):
            await topic.subscribe(name, fleet=fleet)
            await topic.subscribe(name, fleet=fleet)
        await take_back(topic, "c", "sales")
    assert await live_subscribers(client, topic.event) == {"a": "finance", "b": "sales"}


async def test_subscriptions_of_a_fleet_are_found_on_every_topic(stack: Stack) -> None:
    """So apply finds what the files no longer declare."""
    fleet = stack.name("fleet")
    topics = [Topic(stack, base) for base in ("opened", "closed")]
    async with stack.worker():
        for topic in topics:
            await topic.subscribe("a", fleet=fleet)
            await topic.subscribe("b", fleet="another")

        async def both() -> list[tuple[str, str]] | None:
            found = await subscriptions_of(stack.client, fleet)
            return found if len(found) == 2 else None

        found = await poll(both)
    assert found == sorted((topic.event, "a") for topic in topics)


async def test_unsubscribe_of_what_is_not_there_is_fine(stack: Stack) -> None:
    """Neither a subscriber nor a topic need exist: applying twice is harmless."""
    topic = Topic(stack, "closed")
    await take_back(topic, "a")
    async with stack.worker():
        await topic.subscribe("a")
        for _ in range(2):
            await take_back(topic, "a")
    assert await live_subscribers(stack.client, topic.event) == {}


async def test_subscription_of_another_fleet_is_left_alone(stack: Stack) -> None:
    """One line says whose it is; nothing changes."""
    topic = Topic(stack, "closed")
    async with stack.worker():
        await topic.subscribe("a", fleet="finance")
        with pytest.raises(ApplyError, match="from fleet 'finance': remove it there first"):
            await topic.subscribe("a", fleet="sales")
        with pytest.raises(ApplyError, match="from fleet 'finance': remove it there first"):
            await take_back(topic, "a", "sales")
    assert await live_subscribers(stack.client, topic.event) == {"a": "finance"}


async def test_subscribe_without_a_worker_says_so(stack: Stack) -> None:
    """It does not hang, and says what to start."""
    topic = Topic(stack, "closed")
    with pytest.raises(NoWorkerError, match="rota worker"):
        await subscribe(
            stack.client, topic.subscriber("a"), topic.event, timedelta(milliseconds=200)
        )


async def test_topic_that_was_terminated_is_started_again(stack: Stack) -> None:
    """Its subscribers are gone with it, and come back with the next apply."""
    topic = Topic(stack, "closed")
    async with stack.worker():
        await topic.subscribe("a")
        await topic.handle.terminate()
        assert await live_subscribers(stack.client, topic.event) == {}
        await take_back(topic, "a")
        await topic.subscribe("a")
    assert await live_subscribers(stack.client, topic.event) == {"a": "test"}
