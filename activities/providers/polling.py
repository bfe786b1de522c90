"""How often to look at a provider's session, and what a look that fails means.

For every runtime that watches by asking again and again. A look that fails in a way that
passes (overload, a lost connection) says nothing about the session, so it is outlived: it
counts as a look without progress, and the caller's own limit on inactivity ends the watching
if nothing else does. A failure that will not pass is raised.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from rota.failures import StepError

T = TypeVar("T")

Sleep = Callable[[float], Awaitable[object]]
"""Waits for so many seconds."""

GROWTH = 1.5
"""A pause after a look without progress, in terms of the one before."""
LONGEST = 15
"""The longest pause, in terms of the first: two seconds grow to half a minute."""


def _to_nobody(failure: StepError | None) -> None:
    pass


looked: ContextVar[Callable[[StepError | None], None]] = ContextVar("looked", default=_to_nobody)
"""Told how each look went that was not the last: its failure, or None if it was answered. For
the breaker of whoever is looked at; how the last one went, the caller of `poll` learns."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Still:
    """A look found no end yet."""

    progress: bool
    """Something happened since the look before: look again soon."""
    asked: bool = True
    """False: the provider was not asked, which says nothing of it."""


async def poll(
    look: Callable[[], Awaitable[T | Still]], first: timedelta, sleep: Sleep = asyncio.sleep
) -> T:
    """Look until there is something to return, the first time at once.

    Pauses begin at `first`, grow while nothing happens, and begin anew with progress. A
    provider that asks for a longer one gets it. Only a look is ever cut off by being
    cancelled: nothing is changed by it.

    Args:
        look: One look: what is returned at the end, or `Still`.
        first: The first pause (`settings.poll`).
        sleep: The clock; tests bring their own.

    Raises:
        StepError: a look failed for good.
    """
    shortest = first.total_seconds()
    pause, failing = shortest, False
    while True:
        asked = 0.0
        try:
            found = await look()
        except StepError as error:
            if not error.category.retryable:
                raise
            looked.get()(error)
            if not failing:
                _log.warning("a look at a session failed, looking again: %s", error)
            found, failing = Still(progress=False), True
            asked = error.retry_after.total_seconds() if error.retry_after else 0.0
        else:
            failing = False
        if not isinstance(found, Still):
            return found
        if found.asked and not failing:
            looked.get()(None)
        if found.progress:
            pause = shortest
        await sleep(max(pause, asked))
        pause = min(pause * GROWTH, shortest * LONGEST)
