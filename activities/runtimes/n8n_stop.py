"""Stopping an n8n execution, and seeing that it has stopped."""

import asyncio

from activities.providers.polling import Still, poll
from activities.runtimes.n8n_api import N8nApi
from activities.runtimes.n8n_executions import standing, status_of
from rota.runtimes.session import ProviderSession, Stopped

CONFIRM_SECONDS = 20.0
"""How long to look for the end of what was told to stop."""


async def stop(api: N8nApi, session: ProviderSession) -> Stopped:
    """Stop the session's execution, looked for by its key if its id is not known.

    Safe to repeat.

    Raises:
        StepError: n8n cannot be asked.
    """
    id = session.data.get("execution") or await api.find(session.data["key"])
    if not id:
        return Stopped(confirmed=False, text="no execution with the run's key was found")
    ended = await _end_of(api, id)
    if ended is not None:
        return ended
    # A refusal usually means that it has just ended, which the next look shows.
    refusal = await api.stop(id)
    if refusal.status in (401, 403):
        text = "the API key may not stop executions: add the scope execution:stop"
        return Stopped(confirmed=False, text=text)

    async def look() -> Stopped | Still:
        return await _end_of(api, id) or Still(progress=False)

    try:
        async with asyncio.timeout(CONFIRM_SECONDS):
            return await poll(look, api.settings.poll)
    except TimeoutError:
        text = f"asked to stop, but execution {id} was not seen to end"
        return Stopped(confirmed=False, text=text)


async def _end_of(api: N8nApi, id: str) -> Stopped | None:
    """That the execution has ended, None if it has not."""
    execution = await api.execution(id)
    if execution is None:
        return Stopped(confirmed=True, text=f"n8n does not know execution {id} any more")
    if standing(execution) != "ended":
        return None
    return Stopped(confirmed=True, text=f"execution {id} is {status_of(execution)}")
