"""The teams' accounts that the server holds now, and which fleet owns each.

Ownership is written in the account's memo. Lists come from visibility, which may be a moment
behind, so every team known by name is also asked for directly.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from temporalio.client import Client, WorkflowExecution, WorkflowExecutionStatus
from temporalio.service import RPCError

from activities.server_errors import is_missing
from rota.ids import BUDGET_PREFIX, budget_id
from rota.visibility import TEAM_MEMO
from schedules.side_by_side import side_by_side

ACCOUNTS = "WorkflowType = 'Budget' AND ExecutionStatus = 'Running'"


@dataclass(frozen=True)
class LiveTeam:
    """A team's account as the server holds it."""

    name: str
    fleet: str
    """The fleet whose declaration is in force; empty if none is."""
    digest: str
    task_queue: str
    ended: str
    """How it ended, for example `terminated`; empty while it runs."""

    def in_force(self, fleet: str) -> str:
        """Digest of the declaration that `fleet` has in force; empty if none."""
        return self.digest if self.fleet == fleet and not self.ended else ""


async def read_live_teams(
    client: Client, fleet: str, declared: Collection[str]
) -> dict[str, LiveTeam]:
    """Return those of `declared` that the server knows, and all others that `fleet` owns.

    Raises:
        temporalio.service.RPCError: the server did not answer.
    """
    owned = [
        entry.id.removeprefix(BUDGET_PREFIX)
        async for entry in client.list_workflows(ACCOUNTS)
        if (await _noted(entry)).get("fleet") == fleet
    ]

    async def look(name: str) -> LiveTeam | None:
        return await live_team(client, name)

    found = await side_by_side(sorted({*declared, *owned}), look)
    return {team.name: team for team in found if team is not None}


async def live_team(client: Client, name: str) -> LiveTeam | None:
    """Return the account of the team `name`, or None if there never was one.

    Raises:
        temporalio.service.RPCError: the server did not answer.
    """
    try:
        described = await client.get_workflow_handle(budget_id(name)).describe()
    except RPCError as error:
        if is_missing(error):
            return None
        raise
    noted = await _noted(described)
    status = described.status or WorkflowExecutionStatus.RUNNING
    return LiveTeam(
        name=name,
        fleet=str(noted.get("fleet", "")),
        digest=str(noted.get("digest", "")),
        task_queue=described.task_queue,
        ended="" if status is WorkflowExecutionStatus.RUNNING else status.name.lower(),
    )


async def _noted(entry: WorkflowExecution) -> dict[str, Any]:
    return await entry.memo_value(TEAM_MEMO, None, type_hint=dict[str, Any]) or {}
