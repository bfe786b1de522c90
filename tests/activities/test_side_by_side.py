"""Many requests, a few at a time."""

import asyncio
from collections.abc import Iterator

import pytest

from activities.side_by_side import AT_ONCE, side_by_side


@pytest.mark.parametrize("limit", [1, 3, AT_ONCE])
async def test_side_by_side_keeps_the_order_and_its_limit(limit: int) -> None:
    """Answers stand in the items' order, and never more than `limit` are under way."""
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
    assert await side_by_side(items, ask, limit) == [-item for item in items]
    assert most == limit


async def test_side_by_side_takes_no_more_items_than_it_asks_for() -> None:
    """However many there are, those that wait are not held."""
    begun = taken = 0

    def items() -> Iterator[int]:
        nonlocal taken
        for item in range(50):
            taken += 1
            yield item

    async def ask(item: int) -> None:
        nonlocal begun
        begun += 1
        assert taken - begun <= 1
        await asyncio.sleep(0)

    assert await side_by_side(items(), ask, 3) == [None] * 50


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
