"""How a serving process is told to stop: the first SIGINT or SIGTERM in order, another at once.

Handlers of Python's own, not the event loop's: a loop that some library holds up must not keep
whoever asks a second time waiting.
"""

import asyncio
import logging
import os
import signal
import time
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

AGAIN_SECONDS = 1.0
"""Until then a further signal is the first one again: a terminal tells every process of its group,
and the wrapper among them tells its child once more."""

log = logging.getLogger("rota.process")


@contextmanager
def told_to_stop() -> Generator[asyncio.Event]:
    """Yields an event that is set once the process is to stop; in the main thread alone.

    While the block lasts a later signal ends the process with 128 and its number, as a shell has
    it, whatever is still at work.
    """
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    first: list[float] = []

    def heard(number: int, _frame: FrameType | None) -> None:
        if not first:
            first.append(time.monotonic())
            loop.call_soon_threadsafe(stop.set)
        elif time.monotonic() - first[0] > AGAIN_SECONDS:
            try:
                log.warning("told to stop again: ending at once")
            finally:
                os._exit(128 + number)

    before = {number: signal.signal(number, heard) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
