"""`rota keys`: the keys that payloads and blobs are encrypted with."""

from dataclasses import asdict
from pathlib import Path

import click

from activities.encryption.encryption import Encryption
from activities.stores.open import open_sealed
from workers.cli.command_error import CommandError
from workers.cli.exit_codes import ExitCode
from workers.cli.keys_view import NO_KEYS, KeysFound, document_of, print_keys, tell_key
from workers.cli.options import command, server_options
from workers.cli.output import now, print_json, remark
from workers.cli.server import Link, with_server
from workers.encryption import encryption_of
from workers.key_file import KeyFileError, begin_file, fresh_key, rotate_file
from workers.key_use import KeyUse, use_in_store, use_on_server
from workers.resealing import Resealed, reseal_all
from workers.settings import Settings

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group("keys")
def keys_command() -> None:
    """Make keys, put new ones in use, and see which are still needed.

    Example: rota keys new /etc/rota/keys
    """


@command(
    "new",
    example=("rota keys new /etc/rota/keys", "rota keys new > key.txt"),
    json="{key_id, file or null, key or null}",
)
@click.argument("file", required=False, type=_FILE)
def new_command(file: Path | None, as_json: bool) -> None:
    """Make a key: into a new FILE that its owner alone can read, or to standard output.

    Keep a copy apart from the server and the store: what was encrypted with a lost key is lost.
    Name the file in fleet.yaml: encryption: {keys: ["file:/etc/rota/keys"]}
    """
    try:
        key = fresh_key() if file is None else begin_file(file, now())
    except KeyFileError as error:
        raise CommandError(str(error), ExitCode.WRONG) from error
    tell_key(key, file, as_json=as_json)


@command(
    "rotate",
    example="rota keys rotate /etc/rota/keys",
    json="{key_id, file, kept: [key_id]}",
)
@click.argument("file", type=_FILE)
def rotate_command(file: Path, as_json: bool) -> None:
    """Put a new key in use: in front of the keys in FILE, which all stay.

    Workers read the file again within a minute, at once where they meet the new key. Runs begun
    with the keys before go on. Where a secret manager holds the file, rotate a copy and store it.
    """
    try:
        key, kept = rotate_file(file, now())
    except KeyFileError as error:
        raise CommandError(str(error), ExitCode.WRONG) from error
    if as_json:
        ids = [each.id for each in kept]
        print_json({"key_id": key.id, "file": str(file), "kept": ids})
        return
    click.echo(f"{key.id} is in use; {', '.join(each.id for each in kept)} kept in {file}")
    remark("'rota keys check' says when a key before it may be removed")


@command(
    "check",
    example=("rota keys check", "rota keys check --json"),
    json="{active, strict, keys: [{key_id, here, needed, places: {place: number}}]}",
)
@server_options
def check_command(settings: Settings, as_json: bool) -> None:
    """Say which keys are here, and what still needs each.

    Reads every open run, keeper and schedule of the namespace, the beginning of every closed run,
    and every blob of the store. Needs no worker. Ends with 1 if a key is missing that something
    open or stored needs.
    """
    encryption = _declared(settings)

    async def look(link: Link) -> KeysFound:
        use = KeyUse()
        await use_on_server(link.client, use)
        await use_in_store(open_sealed(settings.store, encryption), use)
        return KeysFound(encryption.keys.ring.ids, encryption.strict, use)

    found = with_server(settings, look)
    if as_json:
        print_json(document_of(found))
    else:
        print_keys(found)
    if found.missing:
        raise CommandError(
            f"not here, and needed: {', '.join(found.missing)}; add them to encryption.keys"
        )


@command(
    "reseal",
    example="rota keys reseal",
    json="{key_id, looked_at, resealed, left: [text]}",
)
@server_options
def reseal_command(settings: Settings, as_json: bool) -> None:
    """Encrypt the whole store with the key in use: what is plain, and what has another key.

    So that an old key may be removed, or a store from before there were keys goes over. Histories
    on the server stay as they are. Stop workers and erasure meanwhile: a ref that changes at that
    moment could be put back as it was. Safe to repeat.
    """
    encryption = _declared(settings)

    async def work(link: Link) -> Resealed:
        return await reseal_all(open_sealed(settings.store, encryption), encryption.keys, now())

    done = with_server(settings, work)
    if as_json:
        print_json(asdict(done))
    else:
        click.echo(f"{done.resealed} of {done.looked_at} encrypted with {done.key_id}")
    if done.left:
        raise CommandError("\n".join(done.left))


def _declared(settings: Settings) -> Encryption:
    encryption = encryption_of(settings)
    if encryption is None:
        raise CommandError(NO_KEYS, ExitCode.WRONG)
    return encryption


for each in (new_command, rotate_command, check_command, reseal_command):
    keys_command.add_command(each)
