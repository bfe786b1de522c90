"""Pause and resume a live schedule by hand, as the Temporal UI does.

Nothing is declared by it: `rota drift` reports the difference, and the next `rota apply`
puts the schedule back to what the files say.
"""

from temporalio.client import Client
from temporalio.service import RPCError

from activities.server_errors import is_missing


async def pause(client: Client, agent: str, note: str) -> None:
    """Let no further slot start; runs under way go on. Idempotent, the last note stays.

    Raises:
        LookupError: the agent has no live schedule.
    """
    try:
        await client.get_schedule_handle(agent).pause(note=note)
    except RPCError as error:
        raise _explained(error, agent) from None


async def resume(client: Client, agent: str, note: str) -> None:
    """Let slots start again, from the next one on. Idempotent, the last note stays.

    Raises:
        LookupError: the agent has no live schedule.
    """
    try:
        await client.get_schedule_handle(agent).unpause(note=note)
    except RPCError as error:
        raise _explained(error, agent) from None


def _explained(error: RPCError, agent: str) -> Exception:
    if not is_missing(error):
        return error
    return LookupError(
        f"'{agent}' has no live schedule: 'rota plan' shows what has one, 'rota apply' creates it"
    )
