"""Whether an agent or pipeline was ever heard of: asked before a hold is placed on a mere name.

Not `workers.cli.agents`, which asks what may be started: what was taken back, or is known to the
archive alone, has runs to be kept, too.
"""

from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from activities.audit.archive_progress import lost_runs
from activities.audit.archive_store import all_archives
from activities.audit.executions import described_if_known
from activities.stores.base import ObjectStore
from rota.ids import KEEPER_PREFIX, keeper_id
from rota.list_query import EVER_KEEPERS, quoted
from schedules.explain import suggest
from workers.cli.command_error import CommandError
from workers.cli.exit_codes import ExitCode
from workers.cli.roll_call import open_names
from workers.cli.server import Link

MOST_NAMES = 1000


async def require_known(link: Link, name: str) -> None:
    """Refuse a name that neither the server nor the archive knows; needs no worker.

    Raises:
        CommandError: nobody knows it, exit code 4; suggests one that is known.
        RPCError: the server does not answer.
        StoreError: the store does not.
    """
    if await _is_on_server(link.client, name):
        return
    archived = await _archived(link.store)
    if name in archived:
        return
    listed = await open_names(link.client, EVER_KEEPERS, KEEPER_PREFIX, MOST_NAMES)
    raise CommandError(
        f"neither the server nor the archive knows an agent or pipeline '{name}': nothing is "
        f"held; {suggest(name, sorted({*archived, *listed}))}",
        ExitCode.NOT_FOUND,
    )


async def _is_on_server(client: Client, name: str) -> bool:
    try:
        if await described_if_known(client, keeper_id(name), None) is not None:
            return True
    except RPCError as error:
        if error.status is not RPCStatusCode.INVALID_ARGUMENT:
            raise
        # No workflow can have such an id.
        return False
    query = f"RotaAgent = {quoted(name)} OR RotaPipeline = {quoted(name)}"
    return (await client.count_workflows(query)).count > 0


async def _archived(store: ObjectStore) -> set[str]:
    """Of which agents the archive knows a run, be it that it was lost."""
    names = {each.agent for each in await all_archives(store)}
    return names | {each.agent for each in await lost_runs(store) if each.agent}
