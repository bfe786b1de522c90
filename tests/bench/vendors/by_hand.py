"""What all loops written by hand have in common: how they are opened, and how they poll."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

OneTask = Callable[[str], Awaitable[str]]
"""Does one task; takes a word of its own, returns the answer's text."""
ByHand = Callable[[dict[str, Any]], AbstractAsyncContextManager[OneTask]]
"""Opens a vendor's client, once for all tasks, from a runtime block."""

SYSTEM = "Be brief."
TASK = "Count the boxes."
POLL_SECONDS = 0.002
"""First pause between two looks, on both sides. Short, since who looks just before the end
waits for one pause more: pauses grow to fifteen of it."""


def secret(settings: dict[str, Any], name: str = "api_key") -> str:
    """Return the value behind an `env:` reference."""
    return os.environ[settings[name].removeprefix("env:")]


async def until(look: Callable[[], Awaitable[Any]]) -> Any:
    """Look until there is something, with the pauses that Rota makes."""
    pause = POLL_SECONDS
    while (found := await look()) is None:
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, POLL_SECONDS * 15)
    return found
