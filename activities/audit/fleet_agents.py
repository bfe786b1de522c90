"""Whose runs a fleet has to look after: all that it declares, or was the last to declare.

Activity side: reads. Agents that were taken out of its files are among them, and those whose
keepers were ended by hand, while the server knows of them: their runs belong to nobody else.
"""

from temporalio.client import Client

from activities.encryption.foreign import own_memo
from rota.ids import KEEPER_PREFIX
from rota.list_query import EVER_KEEPERS
from rota.visibility import KEEPER_MEMO


async def fleet_agents(client: Client, fleet: str) -> tuple[str, ...]:
    """Return the names of a fleet's agents and pipelines, sorted.

    Raises:
        temporalio.service.RPCError: the server does not answer.
    """
    newest: dict[str, str] = {}
    async for keeper in client.list_workflows(EVER_KEEPERS):
        # Those at work are listed first, then the latest that ended.
        if keeper.id not in newest:
            memo = await own_memo(keeper, KEEPER_MEMO)
            newest[keeper.id] = str(memo.get("owner", ""))
    owned = (id for id, owner in newest.items() if owner == fleet)
    return tuple(sorted(id.removeprefix(KEEPER_PREFIX) for id in owned))
