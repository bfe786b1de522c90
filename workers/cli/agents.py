"""Which agents the server knows: asked before anything is started under a name."""

from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from activities.server_errors import is_missing
from rota.ids import KEEPER_PREFIX, keeper_id
from rota.visibility import KEEPER_MEMO
from schedules.explain import suggest
from workers.cli.command_error import CommandError
from workers.cli.exit_codes import ExitCode


async def require_agent(client: Client, name: str) -> None:
    """Make sure that a declaration of `name` is in force; needs no worker.

    Raises:
        CommandError: it is not, exit code 4; suggests a name that is.
    """
    if await _declared(client, name):
        return
    known = sorted(
        [
            execution.id.removeprefix(KEEPER_PREFIX)
            async for execution in client.list_workflows(
                "WorkflowType = 'Agent' AND ExecutionStatus = 'Running'", limit=1000
            )
        ]
    )
    hint = suggest(name, known) if known else "no agent is: run 'rota apply' in a fleet"
    raise CommandError(f"agent '{name}' is not declared here; {hint}", ExitCode.NOT_FOUND)


async def _declared(client: Client, name: str) -> bool:
    try:
        found = await client.get_workflow_handle(keeper_id(name)).describe()
    except RPCError as error:
        if is_missing(error) or error.status is RPCStatusCode.INVALID_ARGUMENT:
            return False
        raise
    if found.status is not WorkflowExecutionStatus.RUNNING:
        return False
    return bool((await found.memo_value(KEEPER_MEMO, {})).get("digest"))
