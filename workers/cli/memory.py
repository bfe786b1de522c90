"""`rota memory`: what an agent remembers, and its versions.

Every change writes a new version whose parent is the head it was made from; the keeper
refuses it if the head has moved meanwhile. So the versions form one chain, a rollback too.
"""

import click
from temporalio.client import WorkflowUpdateRPCTimeoutOrCancelledError

from activities.documents import get_memory, put_record
from rota.ids import keeper_id
from rota.keepers.admission import MemoryChange, Settled
from rota.turns.memory import MemoryTooLargeError, MemoryVersion, check_size
from schedules.apply_errors import NoWorkerError
from workers.cli.command_error import CommandError
from workers.cli.exit_codes import ExitCode
from workers.cli.options import command, server_options
from workers.cli.output import format_time, now, print_json, print_table, remark, table
from workers.cli.run_input import read_document
from workers.cli.server import Link, with_server
from workers.cli.sessions import named_session, session_option
from workers.cli.standing import ANSWER
from workers.settings import Settings

AUTHOR = "person"
_SHAPE = "{agent, session, digest, version, parent, author, at, tainted_by, document}"


@click.group("memory")
def memory_command() -> None:
    """Show, set, list and roll back what an agent remembers.

    Example: rota memory show report
    """


@command("show", example="rota memory show report --session DE12", json=_SHAPE)
@server_options
@click.argument("agent")
@session_option
def show_command(settings: Settings, agent: str, session: str | None, as_json: bool) -> None:
    """Show the memory document in force."""

    async def read(link: Link) -> tuple[str, str | None, MemoryVersion | None]:
        key, head = await _head(link, agent, session)
        return key, head, await get_memory(link.store, head)

    key, head, found = with_server(settings, read)
    if as_json:
        print_json(_document(agent, key, head, found))
        return
    if found is None:
        remark(f"{agent} remembers nothing yet in session '{key}'")
    else:
        remark(_line(key, found))
    print_json(found.document if found else {})


@command(
    "set",
    example=("rota memory set report '{\"last\": 7}'", "rota memory set report @memory.json"),
    json=_SHAPE,
)
@server_options
@click.argument("agent")
@click.argument("document", metavar="JSON|@FILE")
@session_option
def set_command(
    settings: Settings, agent: str, document: str, session: str | None, as_json: bool
) -> None:
    """Replace the memory document; the old one stays in the history.

    A document that a run had marked, since it had read what others wrote, loses its mark: you
    have looked at it.
    """
    wanted = read_document(document, "JSON")

    async def write(link: Link) -> None:
        key, head = await _head(link, agent, session)
        parent = await get_memory(link.store, head)
        version = MemoryVersion(
            parent=head,
            version=parent.version + 1 if parent else 1,
            document=wanted,
            author=AUTHOR,
            at=now(),
        )
        digest = await _put_in_force(link, agent, key, version)
        _tell(agent, key, digest, version, as_json)

    with_server(settings, write)


@command(
    "history",
    example="rota memory history report",
    json=f"[{_SHAPE}], newest first",
)
@server_options
@click.argument("agent")
@session_option
def history_command(settings: Settings, agent: str, session: str | None, as_json: bool) -> None:
    """List the versions of a memory, newest first.

    MARKED BY names the run that had read what others wrote before it changed the document:
    models are shown that as data, until a person sets it.
    """

    async def walk(link: Link) -> tuple[str, list[tuple[str, MemoryVersion]]]:
        key, head = await _head(link, agent, session)
        return key, await _chain(link, head)

    key, versions = with_server(settings, walk)
    if as_json:
        print_json([_document(agent, key, digest, found) for digest, found in versions])
        return
    made = table("VERSION", "AT", "BY", "MARKED BY", "KEYS", right=("VERSION",))
    for _, found in versions:
        keys, mark = ", ".join(found.document) or "-", found.tainted_by or "-"
        made.add_row(str(found.version), format_time(found.at), found.author, mark, keys)
    print_table(made)


@command("rollback", example="rota memory rollback report 3", json=_SHAPE)
@server_options
@click.argument("agent")
@click.argument("version", type=click.IntRange(1))
@session_option
def rollback_command(
    settings: Settings, agent: str, version: int, session: str | None, as_json: bool
) -> None:
    """Put an earlier version's document in force, as a new version."""

    async def write(link: Link) -> None:
        key, head = await _head(link, agent, session)
        versions = await _chain(link, head)
        found = next((old for _, old in versions if old.version == version), None)
        if found is None:
            raise CommandError(
                f"session '{key}' of {agent} has no version {version}: 'rota memory history "
                f"{agent}' lists them",
                ExitCode.NOT_FOUND,
            )
        fresh = MemoryVersion(
            parent=head,
            version=versions[0][1].version + 1,
            document=found.document,
            author=AUTHOR,
            at=now(),
            # Seen again is not looked through: only `set` clears the mark.
            tainted_by=found.tainted_by,
        )
        digest = await _put_in_force(link, agent, key, fresh)
        _tell(agent, key, digest, fresh, as_json)

    with_server(settings, write)


@command(
    "reset-conversation",
    example="rota memory reset-conversation report --session DE12",
    json="{agent, session, reset}",
)
@server_options
@click.argument("agent")
@session_option
def reset_conversation_command(
    settings: Settings, agent: str, session: str | None, as_json: bool
) -> None:
    """Let the next run begin with an empty conversation; what it remembers stays.

    For agents with 'session.continue: same' whose conversation has become too long, wrong or
    lost. Runs at work go on with what they began with.
    """

    async def reset(link: Link) -> tuple[str, bool]:
        key, _ = await _head(link, agent, session)
        handle = link.client.get_workflow_handle(keeper_id(agent))
        try:
            known = await handle.execute_update(
                "reset_conversation", key, result_type=bool, rpc_timeout=ANSWER
            )
        except WorkflowUpdateRPCTimeoutOrCancelledError:
            raise NoWorkerError(link.settings.task_queue) from None
        return key, known

    key, known = with_server(settings, reset)
    if as_json:
        print_json({"agent": agent, "session": key, "reset": known})
    elif known:
        click.echo(f"{agent}: session '{key}' begins a new conversation with its next run")
    else:
        click.echo(f"{agent}: session '{key}' has no conversation to go on with")


for _command in (
    show_command,
    set_command,
    history_command,
    rollback_command,
    reset_conversation_command,
):
    memory_command.add_command(_command)


async def _head(link: Link, agent: str, session: str | None) -> tuple[str, str | None]:
    """Return the session's key and the digest of its memory; the keeper needs a worker."""
    found = await named_session(link, agent, session)
    return found.key, found.state.memory


async def _chain(link: Link, head: str | None) -> list[tuple[str, MemoryVersion]]:
    versions: list[tuple[str, MemoryVersion]] = []
    while head is not None:
        version = await get_memory(link.store, head)
        assert version is not None
        versions.append((head, version))
        head = version.parent
    return versions


async def _put_in_force(link: Link, agent: str, session: str, version: MemoryVersion) -> str:
    try:
        check_size(version.document)
    except MemoryTooLargeError as error:
        raise CommandError(str(error), ExitCode.WRONG) from error
    digest = await put_record(link.store, version)
    handle = link.client.get_workflow_handle(keeper_id(agent))
    change = MemoryChange(session=session, base=version.parent, memory=digest)
    try:
        settled = await handle.execute_update(
            "change_memory", change, result_type=Settled, rpc_timeout=ANSWER
        )
    except WorkflowUpdateRPCTimeoutOrCancelledError:
        raise NoWorkerError(link.settings.task_queue) from None
    if settled.conflict:
        raise CommandError(
            f"the memory of {agent} was changed meanwhile: nothing was written; look at it with "
            f"'rota memory show {agent}', then repeat"
        )
    return digest


def _tell(agent: str, session: str, digest: str, version: MemoryVersion, as_json: bool) -> None:
    if as_json:
        print_json(_document(agent, session, digest, version))
    else:
        click.echo(f"{agent}: {_line(session, version)} is in force")


def _line(session: str, found: MemoryVersion) -> str:
    line = f"session '{session}', version {found.version} of {format_time(found.at)}"
    marked = f", marked by {found.tainted_by}" if found.tainted_by else ""
    return f"{line} by {found.author}{marked}"


def _document(
    agent: str, session: str, digest: str | None, found: MemoryVersion | None
) -> dict[str, object]:
    fields: dict[str, object] = {"version": 0, "parent": None, "author": "", "at": None}
    fields = found.model_dump(mode="json") if found else {**fields, "document": {}}
    return {"agent": agent, "session": session, "digest": digest, "tainted_by": "", **fields}
