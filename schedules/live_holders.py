"""Long-lived workflows that hold a declaration, as the server has them: keepers, accounts.

Which fleet's declaration is in force is written in the workflow's memo, so that reading it
needs no worker.
"""

from dataclasses import dataclass
from typing import Any

from temporalio.client import (
    Client,
    ScheduleDescription,
    ScheduleListDescription,
    WorkflowExecution,
    WorkflowExecutionStatus,
)
from temporalio.service import RPCError

from activities.encryption.foreign import own_memo
from activities.server_errors import is_missing


@dataclass(frozen=True)
class LiveHolder:
    """An agent's keeper or a team's account as the server holds it."""

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


async def live_holder(client: Client, name: str, id: str, memo: str) -> LiveHolder | None:
    """Return the holder with the Workflow Id `id`, or None if there never was one.

    Args:
        client: connected.
        name: of whatever is declared.
        id: of the workflow that holds it.
        memo: the key under which it writes what is in force.

    Raises:
        temporalio.service.RPCError: the server did not answer.
    """
    try:
        described = await client.get_workflow_handle(id).describe()
    except RPCError as error:
        if is_missing(error):
            return None
        raise
    written = await noted(described, memo)
    status = described.status or WorkflowExecutionStatus.RUNNING
    return LiveHolder(
        name=name,
        fleet=str(written.get("fleet", "")),
        digest=str(written.get("digest", "")),
        task_queue=described.task_queue,
        ended="" if status is WorkflowExecutionStatus.RUNNING else status.name.lower(),
    )


async def holders_of(client: Client, query: str, memo: str, fleet: str) -> list[str]:
    """Return the Workflow Ids of those that visibility lists, a moment ago, as `fleet`'s."""
    return [
        entry.id
        async for entry in client.list_workflows(query)
        if (await own_memo(entry, memo)).get("fleet") == fleet
    ]


async def noted(
    entry: WorkflowExecution | ScheduleDescription | ScheduleListDescription, key: str
) -> dict[str, Any]:
    """Return what the memo says under `key`; nothing if it has no such key."""
    return await entry.memo_value(key, None, type_hint=dict[str, Any]) or {}
