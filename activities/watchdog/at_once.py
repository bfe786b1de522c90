"""The same look at many agents, a few at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

AT_ONCE = 10
"""Requests under way: enough to hide a server's latency, too few to trouble it."""

Item = TypeVar("Item")
Answer = TypeVar("Answer")


async def at_once(items: Iterable[Item], look: Callable[[Item], Awaitable[Answer]]) -> list[Answer]:
    """Return one answer per item, in the items' order; the first error ends it."""
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(item: Item) -> Answer:
        async with turn:
            return await look(item)

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(item)) for item in items]
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in tasks]
