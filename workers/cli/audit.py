"""`rota audit`: the record of runs, to be read, handed over and checked."""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from activities.audit.archive_store import get_archive
from activities.audit.collect import RunUnknownError
from rota.audit.bundle import OtherHeadError
from rota.audit.checking import check
from rota.audit.keeping import Keeping
from rota.audit.reading_back import ErasedError, record_in
from rota.audit.run_record import RunRecord
from rota.audit.statements import UnreadableError
from rota.audit.verify import read_folder
from rota.notices.receipts import Receipt
from schedules.fleet import load_fleet_file
from workers.audit.announced import receipts_for
from workers.audit.archived import DamagedArchiveError, record_of_run
from workers.audit.exporting import ErasedRunError, desk_of
from workers.audit.folders import FolderTakenError, folder_name
from workers.audit.report import render
from workers.cli.audit_archive import archive_command
from workers.cli.audit_checkpoints import checkpoints_command
from workers.cli.audit_erase import erase_command
from workers.cli.audit_export import export_many, export_one
from workers.cli.audit_holds import hold_command, holds_command, release_command
from workers.cli.audit_key import fleet_signer
from workers.cli.audit_list import list_command
from workers.cli.audit_verify import key_command, verify_command
from workers.cli.command_error import CommandError
from workers.cli.exit_codes import ExitCode
from workers.cli.options import command, server_options
from workers.cli.output import now, print_json
from workers.cli.server import Link, with_server
from workers.cli.since import since_option
from workers.settings import Settings

_BUNDLE = "{folder, run_id, records, head, files, signed, archived, in_checkpoint, ended, notes}"


@click.group("audit")
def audit_command() -> None:
    """Read the record of runs, hand it over, and check it.

    Example: rota audit export report-2026-11-22T06:00:00Z -o bundle
    """


@command(
    "export",
    example=(
        "rota audit export report-2026-11-22T06:00:00Z -o bundle",
        "rota audit export --agent report --since 30d -o bundles",
    ),
    json=f"{_BUNDLE}; of several runs a list of these",
)
@server_options
@click.argument("run_id", metavar="[RUN]", required=False)
@click.option("--agent", metavar="AGENT|PIPELINE", help="All its runs, instead of one.")
@since_option("With or without --agent: runs that were started since.")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="New folder.")
def export_command(
    settings: Settings,
    run_id: str | None,
    agent: str | None,
    since: datetime | None,
    output: Path,
    as_json: bool,
) -> None:
    """Write a run, or several, as bundles that a stranger can read and check.

    Needs a worker for what the ledger has; all else comes from server and store. Secrets are cut
    out: those whose references can be looked up here, and what looks like one.
    """
    if (run_id is None) is (agent is None and since is None):
        raise CommandError("name a run, or say --agent, --since or both", ExitCode.WRONG)
    file = load_fleet_file(settings.fleet)
    signer = fleet_signer(file)

    async def work(link: Link) -> Any:
        desk = await desk_of(link, file, signer, now())
        if run_id is not None:
            return await export_one(desk, run_id, output)
        return await export_many(desk, agent, since, output)

    try:
        told = with_server(settings, work)
    except RunUnknownError as error:
        raise CommandError(
            f"{error}: 'rota runs' lists those there are", ExitCode.NOT_FOUND
        ) from error
    except (ErasedRunError, OtherHeadError, DamagedArchiveError, FolderTakenError) as error:
        raise CommandError(str(error)) from error
    if as_json:
        print_json(told.document)
    else:
        told.tell()
    if told.left_out:
        raise CommandError("\n".join(told.left_out))


@command(
    "show",
    example=("rota audit show report-2026-11-22T06:00:00Z", "rota audit show bundle -o run.html"),
    json="{run_id, file, notes}",
)
@server_options
@click.argument("run", metavar="RUN|BUNDLE")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="File. Default: the run's name, here."
)
def show_command(settings: Settings, run: str, output: Path | None, as_json: bool) -> None:
    """Write the report of one run: a page for people, whole in one file.

    Who triggered it and why, each turn with its reasoning as far as the provider gives it, tool
    calls, approvals, effects, costs, memory before and after. Of a bundle, without a server; one
    that was changed is not shown.
    """
    shown = _shown(settings, run)
    record = shown.record
    name = folder_name(record.run.id, record.run.key)
    place = output or Path(f"{name}.html")
    place.write_bytes(render(record, receipts=shown.receipts, keeping=shown.keeping))
    place.chmod(0o600)
    if as_json:
        print_json({"run_id": record.run.id, "file": str(place), "notes": list(record.notes)})
    else:
        click.echo(f"{place}")


for _each in (
    *(export_command, verify_command, show_command, key_command, checkpoints_command),
    *(archive_command, list_command, hold_command, release_command, holds_command, erase_command),
):
    audit_command.add_command(_each)


@dataclass(frozen=True)
class _Shown:
    """What a report is made of."""

    record: RunRecord
    receipts: list[Receipt] | None
    """What its channels say; None: a bundle does not know."""
    keeping: Keeping | None


def _shown(settings: Settings, run: str) -> _Shown:
    """What there is of a run, or in a bundle.

    Raises:
        CommandError: there is neither, exit code 4; or it was changed, or erased.
    """
    if (Path(run) / "manifest.json").is_file():
        return _in_bundle(Path(run))
    file = load_fleet_file(settings.fleet)

    async def read(link: Link) -> _Shown:
        record = await record_of_run(link.client, link.store, run, file)
        archived = await get_archive(link.store, record.run.key)
        desk = await desk_of(link, file, None, now())
        keeping = desk.keeping(archived) if archived else None
        return _Shown(record, await receipts_for(link, record), keeping)

    try:
        return with_server(settings, read)
    except (ErasedError, DamagedArchiveError) as error:
        raise CommandError(f"{run}: {error}") from error
    except RunUnknownError as error:
        raise CommandError(
            f"{error}: 'rota runs' lists those there are", ExitCode.NOT_FOUND
        ) from error


def _in_bundle(folder: Path) -> _Shown:
    try:
        files = read_folder(folder)
        if problems := check(files).problems:
            raise CommandError(
                f"{folder} was changed: {problems[0]}; 'rota audit verify' says more"
            )
        keeping = json.loads(files["manifest.json"]).get("keeping")
        return _Shown(record_in(files), None, keeping and Keeping.model_validate(keeping))
    except (ErasedError, UnreadableError, KeyError, ValueError) as error:
        raise CommandError(f"{folder}: {error}; 'rota audit verify' says more") from error
