"""Which agents and pipelines the server knows: asked before anything is started by name."""

from dataclasses import dataclass

from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from activities.server_errors import is_missing
from rota.ids import KEEPER_PREFIX, keeper_id
from rota.list_query import KEEPERS
from rota.visibility import KEEPER_MEMO
from schedules.explain import suggest
from workers.cli import roll_call
from workers.cli.command_error import CommandError
from workers.cli.exit_codes import ExitCode


@dataclass(frozen=True)
class InForce:
    """A declaration in force."""

    kind: str
    """`Agent` or `Pipeline`."""
    digest: str


async def require_agent(client: Client, name: str) -> InForce:
    """Return which declaration of `name`, agent or pipeline, is in force; needs no worker.

    Raises:
        CommandError: none is, exit code 4; suggests a name that has one.
    """
    declared = await _declared(client, name)
    if declared is not None:
        return declared
    known = await roll_call.open_names(client, KEEPERS, KEEPER_PREFIX, limit=1000)
    hint = suggest(name, known) if known else "none is: run 'rota apply' in a fleet"
    raise CommandError(
        f"no agent or pipeline '{name}' is declared here; {hint}", ExitCode.NOT_FOUND
    )


async def _declared(client: Client, name: str) -> InForce | None:
    try:
        found = await client.get_workflow_handle(keeper_id(name)).describe()
    except RPCError as error:
        if is_missing(error) or error.status is RPCStatusCode.INVALID_ARGUMENT:
            return None
        raise
    if found.status is not WorkflowExecutionStatus.RUNNING:
        return None
    memo = await found.memo_value(KEEPER_MEMO, {})
    if not memo.get("digest"):
        return None
    return InForce(memo.get("kind", "Agent"), memo["digest"])
