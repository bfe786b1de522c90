"""Stopping work that a declared service does, and seeing that it has stopped."""

import asyncio

from activities.providers.json_calls import required
from activities.providers.polling import Still, poll
from activities.runtimes.http_calls import HttpCalls, session_scope
from activities.runtimes.http_states import GONE
from activities.runtimes.http_watch import stands
from rota.runtimes.session import ProviderSession, Stopped

CONFIRM_SECONDS = 20.0
"""How long to look for the end of what was told to stop."""
_CONFLICT = 409
"""Most services' way to say that there is nothing more to stop."""


async def stop(calls: HttpCalls, session: ProviderSession) -> Stopped:
    """Send `cancel` and look whether the work has ended, as far as that is declared.

    Safe to repeat.

    Raises:
        StepError: the service refuses, or cannot be asked.
    """
    if calls.settings.cancel is None:
        return await _unstoppable(calls, session)
    reply = await calls.send("cancel", session_scope(session))
    if reply.status in GONE:
        return Stopped(confirmed=True, text="the service no longer knows it")
    if reply.status != _CONFLICT:
        required(reply, calls.peer("cancel"))
    if calls.settings.status is None:
        return Stopped(confirmed=False, text="asked to stop; whether it has, nothing tells")
    last = "not to be seen"

    async def look() -> Stopped | Still:
        nonlocal last
        seen = await stands(calls, session, gone_is_an_end=True)
        last = seen.word
        if seen.has_ended:
            return Stopped(confirmed=True, text=f"the service says: {last}")
        return Still(progress=False)

    try:
        async with asyncio.timeout(CONFIRM_SECONDS):
            return await poll(look, calls.settings.poll)
    except TimeoutError:
        return Stopped(confirmed=False, text=f"asked to stop; its state is still: {last}")


async def _unstoppable(calls: HttpCalls, session: ProviderSession) -> Stopped:
    if calls.settings.status is not None:
        seen = await stands(calls, session, gone_is_an_end=True)
        if seen.has_ended:
            return Stopped(confirmed=True, text=f"the service says: {seen.word}")
    return Stopped(
        confirmed=False, text="the service has no declared way to be stopped (runtime.cancel)"
    )
