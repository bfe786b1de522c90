"""The same request for many of a kind, a few at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

AT_ONCE = 10
"""Requests under way. Enough to hide a server's latency, too few to trouble it."""

Item = TypeVar("Item")
Answer = TypeVar("Answer")


async def side_by_side(
    items: Iterable[Item], ask: Callable[[Item], Awaitable[Answer]]
) -> list[Answer]:
    """Return one answer per item, in the items' order.

    The first error ends it: what is under way is cancelled and awaited, then that error
    is raised as it is.
    """
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(item: Item) -> Answer:
        async with turn:
            return await ask(item)

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(item)) for item in items]
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in tasks]
