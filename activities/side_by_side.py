"""The same request for many of a kind, a few at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

AT_ONCE = 10
"""Requests under way. Enough to hide a server's latency, too few to trouble it."""

Item = TypeVar("Item")
Answer = TypeVar("Answer")


async def side_by_side(
    items: Iterable[Item], ask: Callable[[Item], Awaitable[Answer]], limit: int = AT_ONCE
) -> list[Answer]:
    """Return one answer per item, in the items' order, with at most `limit` requests under way.

    The first error ends it: what is under way is cancelled and awaited, then that error
    is raised as it is.
    """
    numbered = enumerate(items)
    answers: dict[int, Answer] = {}

    async def work() -> None:
        # As many tasks as requests under way, however many items there are.
        for place, item in numbered:
            answers[place] = await ask(item)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(limit):
                group.create_task(work())
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [answers[place] for place in range(len(answers))]
