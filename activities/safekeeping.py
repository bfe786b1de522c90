"""Put away what cannot be had again: a paid answer, the result of an effect.

Activity side. Where a store fails for a moment, Temporal's retry would ask the model again
and pay again, or find an effect of which nobody knows the end. So the attempt that still
holds the answer in memory tries again by itself, while its heartbeat goes on.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from activities.stores.base import StoreError

log = logging.getLogger("rota.store")

DELAYS_SECONDS: tuple[float, ...] = (1, 2, 4, 8)
"""Waited before each further try: a restart of a store, not its outage."""

T = TypeVar("T")


async def kept(work: Callable[[], Awaitable[T]]) -> T:
    """Do `work`, which must be safe to repeat, until the store has taken it.

    Raises:
        StoreError: of the last try. Anything but a StoreError passes through at once.
    """
    for delay in DELAYS_SECONDS:
        try:
            return await work()
        except StoreError as error:
            log.warning("not stored, again in %g s: %s", delay, error)
            await asyncio.sleep(delay)
    return await work()
