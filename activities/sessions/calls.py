"""Calls that are the work itself: whether one is under way, for whoever is to stop it.

Activity side. Where a provider's only call answers with the result, and nothing of it can be
asked for, only the worker that makes it knows of its end; another one may be asked to stop
the session. So the call is on record from before it is made until it is known to have ended.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from temporalio import activity

from activities.safekeeping import kept
from activities.sessions.faults import final
from activities.sessions.log import CallState, SessionLog
from rota.failures import FailureCategory, StepError
from rota.lost_workers import seconds_between_beats
from rota.runtimes.session import EndsWithCall, ProviderSession, SessionRuntime, Stopped

ENDED = "its call has ended"
LEAVING_SECONDS = 20.0
"""How long to wait for a worker that is just giving its call up: a heartbeat brings it word,
and then a program has its grace. One that is gone never says anything. Where heartbeats come
further apart than each second, that much longer."""
PAUSE_SECONDS = 0.25


class SessionCalls:
    """The calls of one run's session."""

    def __init__(self, log: SessionLog, runtime: SessionRuntime, session: ProviderSession) -> None:
        self._log = log
        self._runtime = runtime
        self._session = session

    @asynccontextmanager
    async def making(self, turn: int, look: int) -> AsyncGenerator[None]:
        """Make the call in the block, and keep on record how it stands.

        Raises:
            ApplicationError: `limit_reached`, final: the run has ended, so it is not made.
        """
        if not isinstance(self._runtime, EndsWithCall):
            yield
            return
        has_ended = True
        try:
            await kept(lambda: self._log.call(turn, look, CallState.UNDER_WAY))
            # After the record: who stops the run sees one, or this sees the other.
            if await kept(self._log.has_ended):
                raise final(FailureCategory.LIMIT_REACHED, "the run has ended: nothing is called")
            has_ended = False
            yield
            has_ended = True
        except StepError as error:
            has_ended = not error.maybe_billed
            raise
        finally:
            known = has_ended or self._runtime.call_has_ended(self._session)
            stands = None if known else CallState.LEFT
            await kept(lambda: self._log.call(turn, look, stands))

    async def give_up(self) -> None:
        """Note that those who made the calls of earlier attempts are not heard of any more."""
        await kept(self._log.leave_calls)

    async def confirmed(self, stopped: Stopped) -> Stopped:
        """Add what is on record to what a worker could find out by itself.

        Waits for a call that is just being given up, a while. Safe to repeat.
        """
        if stopped.confirmed or not isinstance(self._runtime, EndsWithCall):
            return stopped
        await kept(self._log.end)
        loop = asyncio.get_running_loop()
        later = seconds_between_beats(activity.info().heartbeat_timeout) - 1
        until = loop.time() + LEAVING_SECONDS + later
        calls = await self._log.calls()
        while CallState.UNDER_WAY in calls and loop.time() < until:
            await asyncio.sleep(PAUSE_SECONDS)
            calls = await self._log.calls()
        return stopped if calls else stopped.model_copy(update={"confirmed": True, "text": ENDED})
