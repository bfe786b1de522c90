"""Many requests, a few at a time."""

import asyncio

import pytest

from activities.side_by_side import AT_ONCE, side_by_side


async def test_side_by_side_keeps_the_order_and_its_limit() -> None:
    """Answers stand in the items' order, and never more than `AT_ONCE` are under way."""
    under_way, most = 0, 0

    async def ask(item: int) -> int:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        for _ in range(item % 3):
            await asyncio.sleep(0)
        under_way -= 1
        return -item

    items = range(5 * AT_ONCE)
    assert await side_by_side(items, ask) == [-item for item in items]
    assert most == AT_ONCE


async def test_side_by_side_after_an_error_leaves_nothing_running() -> None:
    """The error comes out as it is, once the others have been cancelled."""
    ended: list[str] = []

    async def ask(item: str) -> None:
        if item == "bad":
            raise ValueError("refused")
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(item)

    with pytest.raises(ValueError, match="refused"):
        await side_by_side(["slow", "bad"], ask)
    assert ended == ["slow"]
