"""The teams' accounts that the server holds now, and which fleet owns each.

Lists come from visibility, which may be a moment behind, so every team known by name is also
asked for directly.
"""

from collections.abc import Collection

from temporalio.client import Client

from activities.side_by_side import side_by_side
from rota.ids import BUDGET_PREFIX, budget_id
from rota.visibility import TEAM_MEMO
from schedules.live_holders import LiveHolder, holders_of, live_holder

ACCOUNTS = "WorkflowType = 'Budget' AND ExecutionStatus = 'Running'"


async def read_live_teams(
    client: Client, fleet: str, declared: Collection[str]
) -> dict[str, LiveHolder]:
    """Return the accounts of those of `declared` that have one, and all others of `fleet`.

    Raises:
        temporalio.service.RPCError: the server did not answer.
    """
    listed = await holders_of(client, ACCOUNTS, TEAM_MEMO, fleet)
    owned = [id.removeprefix(BUDGET_PREFIX) for id in listed]

    async def look(name: str) -> LiveHolder | None:
        return await live_holder(client, name, budget_id(name), TEAM_MEMO)

    found = await side_by_side(sorted({*declared, *owned}), look)
    return {team.name: team for team in found if team is not None}
