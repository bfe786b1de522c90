"""Stops a Managed Agents session, and sees that it has stopped.

An interrupt lets a session go idle; only an archived one cannot be woken again. One that
works cannot be archived, so each look does what the session's status allows.
"""

import asyncio
from collections.abc import Awaitable
from datetime import timedelta

from activities.providers.polling import Sleep, Still, poll
from activities.runtimes.claude_managed_api import ManagedApi
from activities.runtimes.claude_managed_wire import SessionView
from rota.failures import FailureCategory, StepError
from rota.runtimes.session import Stopped

CONFIRM_SECONDS = 30.0
"""How long an interrupted session may take to go idle before that counts as not seen."""

INTERRUPT = {"type": "user.interrupt"}


async def stop_session(
    api: ManagedApi,
    session: str,
    first: timedelta,
    confirm_seconds: float = CONFIRM_SECONDS,
    sleep: Sleep = asyncio.sleep,
) -> Stopped:
    """Interrupt it if it works, and archive it once it is idle. Safe to repeat.

    Raises:
        StepError: it could not even be asked.
    """
    seen = "nothing was seen of it"

    async def look() -> Stopped | Still:
        nonlocal seen, interrupted
        view = SessionView.read(await api.session(session))
        seen = f"it is {view.status}"
        if view.over:
            return Stopped(confirmed=True, text="it had ended", usage=view.usage)
        if not view.at_work and await _fits(api.archive(session)):
            return Stopped(confirmed=True, text="it is idle and archived", usage=view.usage)
        if view.at_work and not interrupted:
            interrupted = await _fits(api.send(session, [INTERRUPT]))
        elif not view.at_work:
            interrupted = False
        return Still(progress=False)

    interrupted = False
    try:
        async with asyncio.timeout(confirm_seconds):
            return await poll(look, first, sleep)
    except TimeoutError:
        return Stopped(confirmed=False, text=f"{seen} {confirm_seconds:g} s after the interrupt")
    except StepError as error:
        if error.category is FailureCategory.OUTCOME_UNKNOWN:
            return Stopped(confirmed=True, text="it is not there")
        raise


async def _fits(request: Awaitable[object]) -> bool:
    """Whether the session's status still allowed the request.

    It can change between a look and this: a message that was on its way wakes it, and it may
    end by itself.
    """
    try:
        await request
    except StepError as error:
        if error.category is FailureCategory.INVALID_REQUEST:
            return False
        raise
    return True
