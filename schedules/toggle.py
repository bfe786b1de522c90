"""Pause and resume a live schedule by hand, as the Temporal UI does.

Nothing is declared by it: `rota drift` reports the difference, and the next `rota apply`
puts the schedule back to what the files say. The keeper is told, so that it is known later
which slots a pause took; of a pause in the UI itself the Watchdog tells it.
"""

from datetime import UTC, datetime

from temporalio.client import Client
from temporalio.service import RPCError

from activities import schedule_toggles
from activities.server_errors import is_missing
from rota.expected.in_force import Toggle


async def pause(client: Client, agent: str, note: str) -> None:
    """Let no further slot start; runs under way go on. Idempotent, the last note stays.

    Raises:
        LookupError: the agent has no live schedule.
    """
    try:
        await client.get_schedule_handle(agent).pause(note=note)
    except RPCError as error:
        raise _explained(error, agent) from None
    await tell_toggled(client, agent, paused=True, note=note)


async def resume(client: Client, agent: str, note: str) -> None:
    """Let slots start again, from the next one on. Idempotent, the last note stays.

    Raises:
        LookupError: the agent has no live schedule.
    """
    try:
        await client.get_schedule_handle(agent).unpause(note=note)
    except RPCError as error:
        raise _explained(error, agent) from None
    await tell_toggled(client, agent, paused=False, note=note)


async def tell_toggled(client: Client, agent: str, *, paused: bool, note: str) -> None:
    """Tell the keeper that its schedule stands still, or goes on, from now on.

    Needs no worker. No keeper is fine: then there is nobody to remember it.

    Raises:
        temporalio.service.RPCError: the server did not answer.
    """
    toggle = Toggle(at=datetime.now(UTC), paused=paused, note=note)
    await schedule_toggles.tell_toggled(client, agent, toggle)


def _explained(error: RPCError, agent: str) -> Exception:
    if not is_missing(error):
        return error
    return LookupError(
        f"'{agent}' has no live schedule: 'rota plan' shows what has one, 'rota apply' creates it"
    )
