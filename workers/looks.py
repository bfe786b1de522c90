"""Looks at what is outside, taken all at once, each with a limit of its own.

Each has a thread and an event loop of its own: code that blocks, hangs or raises, out of
whatever package, is one failed check and keeps nothing else waiting.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from activities.providers.aws_threads import in_thread
from activities.secrets import Secrets
from rota.language.durations import format_duration
from workers.checks import Check

LIMIT = timedelta(seconds=20)
"""Above what the probes give their own requests, some of which make two in a row."""
GRACE_SECONDS = 1.0
"""What one that was stopped has to close its connections."""

Told = Callable[[Sequence[str]], None]
"""Called with the names of what still keeps one waiting."""


@dataclass(frozen=True)
class Look:
    """One look at something outside."""

    name: str
    take: Callable[[], Awaitable[Check | None]]
    """Called in a thread of its own; None: there is nothing to say."""
    limit: timedelta | None = None
    """Its own limit; None: that of all."""


async def take_all(
    looks: Sequence[Look], told: Told | None = None, limit: timedelta = LIMIT
) -> list[Check]:
    """Take all looks at the same time; returns what there is to say, in their order.

    Never raises for what they find, or for what they do.
    """
    open_names = [look.name for look in looks]

    async def one(look: Look) -> Check | None:
        if told is not None:
            told(open_names)
        try:
            return await _within(look, look.limit or limit)
        finally:
            open_names.remove(look.name)
            if told is not None:
                told(open_names)

    found = await asyncio.gather(*map(one, looks))
    return [check for check in found if check is not None]


async def _within(look: Look, limit: timedelta) -> Check | None:
    seconds = limit.total_seconds()

    async def take() -> Check | None:
        async with asyncio.timeout(seconds):
            return await look.take()

    try:
        # The inner limit lets it close what it has opened; the outer one is for what blocks.
        async with asyncio.timeout(seconds + GRACE_SECONDS):
            return await in_thread(lambda _: asyncio.run(take()), look.name)
    except TimeoutError:
        cure = "see that this machine reaches it; a run's calls would wait as well"
        return Check(look.name, False, f"no answer within {format_duration(limit)}", cure)
    except Exception as error:  # noqa: BLE001 - whatever a package's probe lets through
        found = Secrets().redact(f"its probe failed: {type(error).__name__}: {error}")
        return Check(look.name, False, found, "see what its package says of it")
