"""A run's own clock: it stands still while the run waits for a person."""

import asyncio
from collections.abc import Awaitable
from datetime import datetime, timedelta
from typing import TypeVar

from temporalio import workflow

Result = TypeVar("Result")


class RunClock:
    """When a run must have ended.

    Its time begins with its work (`start`) and stands still while anybody waits through
    `still`: what a person takes to answer is not the run's. The limit of whatever started
    the run stands all the same: nobody there knows of the wait.
    """

    def __init__(self, deadline: datetime | None, bound: datetime | None) -> None:
        """Begin where an earlier execution left off, if it did: its `deadline`."""
        self._deadline = deadline
        self._bound = bound
        self._waits = 0
        self._since = workflow.now()
        """When the first of the waits under way began."""

    @property
    def has_started(self) -> bool:
        """True once the run's time has begun."""
        return self._deadline is not None

    @property
    def deadline(self) -> datetime:
        """When the run must have ended, as far as can be told now; only after `start`."""
        if self._deadline is None:
            raise RuntimeError("get the run ready first")
        passed = workflow.now() - self._since if self._waits else timedelta(0)
        moved = self._deadline + passed
        return moved if self._bound is None else min(moved, self._bound)

    @property
    def lent(self) -> bool:
        """The deadline is that of whatever started the run."""
        return self.deadline == self._bound

    @property
    def is_over(self) -> bool:
        """True once the run's time is up."""
        return self.has_started and self.deadline <= workflow.now()

    def start(self, wall_clock: timedelta) -> None:
        """Give the run its time, from now on."""
        self._deadline = workflow.now() + wall_clock

    async def still(self, waiting: Awaitable[Result]) -> Result:
        """Await what a person decides; waits at the same time are counted once."""
        if not self._waits:
            self._since = workflow.now()
        self._waits += 1
        try:
            result = await waiting
        except (asyncio.CancelledError, Exception):
            self._go_on()
            raise
        # Not `finally`: a run that is dropped from memory has no workflow to ask for the time.
        self._go_on()
        return result

    def _go_on(self) -> None:
        self._waits -= 1
        if not self._waits and self._deadline is not None:
            self._deadline += workflow.now() - self._since
