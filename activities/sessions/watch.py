"""Watching a provider's session: where it stands, how long it was silent, who takes over.

Activity side. The cursor of the last progress goes out with every heartbeat, and each new one
within a second, so that the attempt after a lost worker begins there. Silence is measured here
for every runtime alike; a single look has the runtime's own limits.
"""

import asyncio
import time
from collections.abc import Coroutine, Sequence
from datetime import timedelta
from enum import Enum
from typing import Any, TypeVar

from activities.heartbeat import DETAIL_LIMIT, INTERVAL_SECONDS
from activities.secrets import Secrets
from activities.seen_to_end import seen_to_end

T = TypeVar("T")

LEAVE_SECONDS = 5.0
"""How long a runtime may take to leave off watching."""


class Left(Enum):
    """Why watching was left off before the runtime had an answer."""

    SILENT = "silent"
    """Nothing was heard for as long as may be."""
    MOVED = "moved"
    """The session goes on working after it has waited for a person."""


class Watch:
    """What is known of a session while it is watched.

    Args:
        cursor: Where to begin.
        text: What people are told at first.
        failures: How often in a row watching has failed since the last progress.
    """

    def __init__(self, cursor: str, text: str, failures: int = 0) -> None:
        self.cursor = cursor
        self.text = text
        self.failures = failures
        self.has_moved = False
        """True once the cursor is another than at the beginning."""
        self._heard = time.monotonic()

    @classmethod
    def taken_up(cls, cursor: str, text: str, details: Sequence[Any]) -> "Watch":
        """Begin where the last attempt left off; at `cursor` if it left no heartbeat."""
        match details:
            case [str(last), str(shown), int(failures)]:
                return cls(last, shown, failures)
            case _:
                return cls(cursor, text)

    @property
    def details(self) -> tuple[str | int, ...]:
        """What a heartbeat carries: cursor, text, failures in a row."""
        return self.cursor, self.text, self.failures

    @property
    def place(self) -> tuple[str, int]:
        """What of it the next attempt goes on from; the text is for people."""
        return self.cursor, self.failures

    def report(self, cursor: str, text: str) -> None:
        """Progress was made. Safe to call from any thread."""
        secrets = Secrets()
        # A service's own words may be in it, and it goes out with each heartbeat.
        cursor = secrets.redact(cursor)
        if cursor != self.cursor:
            self.has_moved = True
            self.failures = 0
        self.cursor, self.text = cursor, secrets.shortened(text, DETAIL_LIMIT)
        self._heard = time.monotonic()

    def listen(self) -> None:
        """Count silence from now on."""
        self._heard = time.monotonic()

    def left(self, limit: timedelta) -> float:
        """Seconds until that much silence is over."""
        return self._heard + limit.total_seconds() - time.monotonic()

    async def see(
        self, watching: Coroutine[Any, Any, T], limit: timedelta, *, until_moved: bool = False
    ) -> T | Left:
        """Await the end of `watching`, which reports here, and return what it came to.

        Args:
            watching: A runtime's `observe`.
            limit: Longest time without a report, counted from the last one or from `listen`.
            until_moved: Leave off as soon as a report brings another cursor.
        """
        self.has_moved = False
        task = asyncio.ensure_future(watching)
        try:
            while not task.done():
                if until_moved and self.has_moved:
                    return Left.MOVED
                left = self.left(limit)
                if left <= 0:
                    return Left.SILENT
                await asyncio.wait((task,), timeout=min(left, INTERVAL_SECONDS))
            return task.result()
        finally:
            await _left(task)


async def to_its_end(call: Coroutine[Any, Any, T]) -> T:
    """Await a call that has an effect, also if nobody waits for the step any more.

    What it came to has to be known, so that it can be undone, be the run cancelled, its time
    up, or this attempt taken for dead. A worker that stops takes its calls with it.
    """
    return await seen_to_end(call, lambda left: not left.worker_shutdown)


async def _left(task: "asyncio.Future[Any]") -> None:
    """See that the runtime no longer watches: the next attempt must be alone."""
    if task.done():
        return
    task.cancel()
    await asyncio.wait((task,), timeout=LEAVE_SECONDS)
