"""Runs that have ended, whoever still has them: the server, or, once it has forgotten, the archive.

What a run left in the object store stays there as long as it is archived, so from its archive
comes only what the server would have told: how it ended.
"""

from collections.abc import AsyncIterator, Collection

from temporalio.client import Client

from activities.audit.archive_store import all_archives, find_archive
from activities.stores.base import ObjectStore
from rota.audit.archived import ArchivedRun
from rota.audit.run_record import RunRecord
from rota.runs import AgentRunResult, RunStatus
from workers.audit.archived import DamagedArchiveError, read_archive
from workers.cli.any_run import AnyView, describe_run, listed_view
from workers.cli.command_error import CommandError
from workers.cli.run_view import RUN_TYPE, RunView, view_of


class NoResultError(Exception):
    """The archive says of a run no more than that it was."""


async def ended_run(client: Client, store: ObjectStore, run_id: str) -> AnyView:
    """Look a run up by its workflow id; it may still be at work.

    Raises:
        CommandError: neither the server nor the archive has it, or it says nothing of its end.
        StoreError: the store does not answer.
    """
    try:
        return await listed_view(await describe_run(client, run_id))
    except CommandError:
        archived = await find_archive(store, run_id)
        if archived is None or not _is_of_agent(archived, client):
            raise
    try:
        return await archived_view(store, archived)
    except (DamagedArchiveError, NoResultError) as error:
        raise CommandError(str(error)) from error


async def archived_record(client: Client, store: ObjectStore, run_id: str) -> RunRecord | None:
    """The record of a run from the archive, if it is there.

    Raises:
        DamagedArchiveError: it cannot be read.
        StoreError: the store does not answer.
    """
    archived = await find_archive(store, run_id)
    if archived is None or archived.namespace != client.namespace:
        return None
    return (await read_archive(store, archived))[1]


async def archived_view(store: ObjectStore, archived: ArchivedRun) -> RunView:
    """How an archived run ended.

    Raises:
        NoResultError: its content was erased, or it ended without a result.
        DamagedArchiveError: its archive cannot be read.
        StoreError: an object of it is missing, or the store does not answer.
    """
    _, record = await read_archive(store, archived)
    if not record.outcome:
        why = record.notes[0] if archived.destroyed else "it ended without a result"
        raise NoResultError(f"{archived.run.id} is in the archive alone, and {why}")
    result = AgentRunResult.model_validate(record.outcome)
    return RunView(result, record.started, record.ended)


async def newest(
    client: Client, store: ObjectStore, agent: str, statuses: Collection[RunStatus]
) -> AsyncIterator[RunView | ArchivedRun]:
    """Yield the runs of an agent that ended so: the server's, newest first, then archived ones.

    Raises:
        RPCError: the server does not answer.
        StoreError: the store does not.
    """
    listed = ", ".join(f"'{status.value}'" for status in statuses)
    query = (
        f"WorkflowType = '{RUN_TYPE}' AND RotaAgent = '{agent}' AND RotaStatus IN ({listed}) "
        "AND ExecutionStatus != 'ContinuedAsNew'"
    )
    known: set[str] = set()
    async for execution in client.list_workflows(query):
        known.add(execution.id)
        if execution.close_time is not None:
            yield await view_of(execution)
    forgotten = [
        each
        for each in await all_archives(store)
        if each.agent == agent
        and _is_of_agent(each, client)
        and each.status in statuses
        and each.run.id not in known
    ]
    for archived in sorted(forgotten, key=lambda each: each.started, reverse=True):
        yield archived


def _is_of_agent(archived: ArchivedRun, client: Client) -> bool:
    return archived.kind == "Agent" and archived.namespace == client.namespace
