"""Can this worker write to its store? Looked at before a run may cost anything.

Activity side. One small ref, written over and over, and not for every run: a worker that wrote a
minute ago is believed.
"""

import asyncio
import time
from collections.abc import Callable

from activities.stores.base import ObjectStore

BELIEVED_SECONDS = 60.0
"""How long a write that came through stands for those after it."""
PROBE = "probe/write"


class StoreProbe:
    """Writes to one store, now and then."""

    def __init__(self, store: ObjectStore, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._written: float | None = None
        self._looking = asyncio.Lock()

    async def check(self) -> None:
        """Write, unless it was done lately; a burst of runs is one write.

        Raises:
            activities.stores.base.StoreClosedError: it is not writable until somebody mends it.
            activities.stores.base.StoreError: it could not be written just now.
        """
        async with self._looking:
            if self._written is None or self._clock() - self._written >= BELIEVED_SECONDS:
                await self._store.set_ref(PROBE, b"")
                self._written = self._clock()
