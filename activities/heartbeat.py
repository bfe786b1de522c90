"""Tell Temporal that a step lives, from its first second on."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from temporalio import activity

INTERVAL_SECONDS = 1.0
"""Below a third of the heartbeat timeout in `workflows.activity_options`."""
DETAIL_LIMIT = 200
"""Characters of a detail: a line in the UI, not a document."""


@asynccontextmanager
async def heartbeating(detail: str) -> AsyncGenerator[Callable[[str], None]]:
    """Heartbeat every second until the block ends.

    Not at once: the start itself tells Temporal that the step lives, and a step that ends
    within a second should not cost the server another write.

    Yields a function that changes the detail shown in the UI; it is safe to call from a
    tool's thread, because it only leaves the text for the next beat.
    """
    current = detail

    def report(text: str) -> None:
        nonlocal current
        current = text[:DETAIL_LIMIT]

    async with beating(lambda: (current,)):
        yield report


@asynccontextmanager
async def beating(details: Callable[[], tuple[str | int, ...]]) -> AsyncGenerator[None]:
    """Heartbeat every second with whatever `details` says then, until the block ends.

    A later attempt finds the last ones in `activity.info().heartbeat_details`.
    """

    async def beat() -> None:
        while True:
            await asyncio.sleep(INTERVAL_SECONDS)
            activity.heartbeat(*details())

    task = asyncio.create_task(beat())
    try:
        yield
    finally:
        task.cancel()
