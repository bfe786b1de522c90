"""Tell Temporal that a step lives, as often as its heartbeat timeout asks for.

Each heartbeat is a write of the server's, and billed where that is Temporal Cloud. So a step of
an agent with a longer `retry.lost_after` sends fewer. Its answer is what tells a step that it
has been cancelled.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from temporalio import activity

from rota.lost_workers import seconds_between_beats

INTERVAL_SECONDS = 1.0
"""Between two looks whether a heartbeat is due: none comes sooner after another."""
DETAIL_LIMIT = 200
"""Characters of a detail: a line in the UI, not a document."""


@asynccontextmanager
async def heartbeating(detail: str) -> AsyncGenerator[Callable[[str], None]]:
    """Heartbeat every second, or as seldom as is allowed, until the block ends.

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
async def beating(
    details: Callable[[], tuple[str | int, ...]], resumed: Callable[[], object] = lambda: None
) -> AsyncGenerator[None]:
    """Heartbeat with whatever `details` says then, until the block ends.

    A later attempt finds the last ones in `activity.info().heartbeat_details`.

    Args:
        details: What a heartbeat carries.
        resumed: What of it the later attempt goes on from: sent within a second of its change.
    """
    between = seconds_between_beats(activity.info().heartbeat_timeout)

    async def beat(sent: object) -> None:
        seconds = 0
        while True:
            await asyncio.sleep(INTERVAL_SECONDS)
            seconds += 1
            now = resumed()
            if seconds >= between or now != sent:
                activity.heartbeat(*details())
                sent, seconds = now, 0

    task = asyncio.create_task(beat(resumed()))
    try:
        yield
    finally:
        task.cancel()
