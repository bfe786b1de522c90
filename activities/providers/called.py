"""How often to look at a session whose provider calls when something has happened.

At once, and then when it calls: looking into our own store for that costs little. A call may come
before the provider's own answers have the news (an n8n workflow makes it while it still works), so
one that finds nothing is followed by two more looks. And calls get lost, so there is a look once a
minute all the same.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from activities.bells import Bell, listened_to
from activities.providers.polling import GROWTH, LONGEST, Sleep, Still, poll
from rota.runtime_specs.base import SessionSettings

T = TypeVar("T")

SAFETY_LOOKS = timedelta(minutes=1)
"""How often a provider that calls is asked all the same: a lost call is found out."""
LISTEN = timedelta(seconds=2)
"""Longest pause between two looks into the store."""
AFTERWARDS = 2
"""Looks that follow one which a call led to and which found no end."""
MOST_OF_SILENCE = 3
"""How many looks fit into the longest silence, at least: none may be taken for one."""


async def poll_or_called(look: Callable[[], Awaitable[T | Still]], settings: SessionSettings) -> T:
    """`poll`, with fewer looks where the provider of the session that is watched calls.

    Raises:
        StepError: a look failed for good.
    """
    bell = listened_to()
    if bell is None:
        return await poll(look, settings.poll)
    waits = CalledWaits(bell, settings)
    return await poll(waits.watched(look), settings.poll, waits.rest)


class GrowingWaits:
    """The pauses between looks of which each by itself finds that somebody still waits.

    Args:
        first: The first one.
        sleep: The clock; tests bring their own.
    """

    def __init__(self, first: timedelta, sleep: Sleep = asyncio.sleep) -> None:
        self._first = self._next = first.total_seconds()
        self._sleep = sleep

    async def pause(self) -> None:
        """Pause until the next look."""
        await self._sleep(self._next)
        self._next = min(self._next * GROWTH, self._first * LONGEST)


class CalledWaits:
    """The pauses between looks at one session whose provider calls.

    Args:
        bell: Rings when it calls.
        settings: `poll` is the shortest pause.
        sleep: The clock; tests bring their own.
        clock: Tells seconds.
    """

    def __init__(
        self,
        bell: Bell,
        settings: SessionSettings,
        sleep: Sleep = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bell = bell
        self._shortest = settings.poll.total_seconds()
        longest = min(SAFETY_LOOKS, settings.inactivity / MOST_OF_SILENCE).total_seconds()
        self._longest = max(longest, self._shortest)
        self._sleep = sleep
        self._clock = clock
        self._has_failed = False
        self._left = 0
        """Looks that still follow the last call."""

    def watched(
        self, look: Callable[[], Awaitable[T | Still]]
    ) -> Callable[[], Awaitable[T | Still]]:
        """Return `look`, of which is known here how it went."""

        async def watched() -> T | Still:
            self._has_failed = True
            found = await look()
            self._has_failed = False
            return found

        return watched

    async def rest(self, seconds: float) -> None:
        """Pause until the next look is due: `seconds` if the last one failed."""
        if self._has_failed:
            await self._sleep(seconds)
        else:
            await self.pause()

    async def pause(self) -> None:
        """Pause until there is a call, or it is time to look all the same."""
        if self._left:
            await self._sleep(self._shortest * GROWTH ** (AFTERWARDS - self._left))
            self._left -= 1
            return
        due = self._clock() + self._longest
        # Whoever calls again and again gets no more looks than if we only asked.
        await self._sleep(self._shortest)
        while not await self._bell.rung():
            left = due - self._clock()
            if left <= 0:
                return
            await self._sleep(min(left, self._shortest, LISTEN.total_seconds()))
        self._left = AFTERWARDS


def waits_of(bell: Bell | None, settings: SessionSettings) -> GrowingWaits | CalledWaits:
    """Return the pauses of a session that has a bell, or none."""
    return GrowingWaits(settings.poll) if bell is None else CalledWaits(bell, settings)
