"""`rota audit verify`, `rota audit key`: check bundles, and by which key."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from rota.audit.ed25519 import key_id
from rota.audit.statements import Report, UnreadableError
from rota.audit.verify import check_folder, lines_of, read_trust
from rota.fleet_file import FleetFile
from schedules.fleet import load_fleet_file
from workers.cli.audit_key import fleet_signer
from workers.cli.command_error import CommandError
from workers.cli.exit_codes import ExitCode
from workers.cli.options import command, fleet_option
from workers.cli.output import print_json


@command(
    "verify",
    example=(
        "rota audit verify bundle --key key.pub",
        "rota audit verify bundle --key key.pub --checkpoint checkpoints",
        "python bundle/verify.py --key key.pub",
    ),
    json="[{run, holds, records, head, day, first_bad, problems, notes}]",
)
@click.argument("bundle", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--key", "keys", multiple=True, metavar="FILE|HEX", help="A public key to trust.")
@click.option(
    "--old-key",
    "old_keys",
    multiple=True,
    type=(str, str),
    metavar="FILE|HEX DAY",
    help="One that signed before, and the last day that it vouches for.",
)
@click.option(
    "--checkpoint",
    "checkpoints",
    multiple=True,
    type=click.Path(path_type=Path, exists=True),
    metavar="FILE|FOLDER",
    help="Checkpoints that were kept apart: the runs must be in them.",
)
@click.option(
    "--fleet",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Trust the keys that the fleet.yaml of this folder names.",
)
def verify_command(
    bundle: Path,
    keys: tuple[str, ...],
    old_keys: tuple[tuple[str, str], ...],
    checkpoints: tuple[Path, ...],
    fleet: Path | None,
    as_json: bool,
) -> None:
    """Check a bundle, or a folder of them; name the first bad record.

    Needs no server and no fleet. Ends with 0 if all holds, 1 if something was changed, 2 if it is
    no bundle. Without a key that you trust it says so: whoever rewrites a bundle whole can sign it
    with a key of his own. Whoever has the right key meets the checkpoints that you kept.
    """
    if fleet is not None:
        file = load_fleet_file(fleet)
        signer = fleet_signer(file)
        keys += (signer.key,) if signer else ()
        old_keys += tuple((each.key, each.until.isoformat()) for each in file.audit.old_keys)
    try:
        trust, found = read_trust(keys, old_keys, checkpoints)
        reports = [*found, *check_folder(bundle, trust)]
    except (UnreadableError, ValueError, OSError) as error:
        raise CommandError(f"{bundle}: {error}", ExitCode.WRONG) from error
    if as_json:
        print_json([_document(report) for report in reports])
    else:
        click.echo("\n".join(line for report in reports for line in lines_of(report)))
    if any(report.problems for report in reports):
        raise click.exceptions.Exit(int(ExitCode.FAILED))


@command("key", example="rota audit key", json="{key, id, old_keys: [{key, until}]}")
@fleet_option
def key_command(fleet: Path, as_json: bool) -> None:
    """Print the public key of the fleet's signing key, to be kept where bundles are checked."""
    file = load_fleet_file(fleet)
    signer = fleet_signer(file)
    if signer is None:
        raise CommandError(
            "fleet.yaml names no signing key: add audit: {signing_key: file:/path}; "
            "'openssl genpkey -algorithm ed25519' writes one",
            ExitCode.WRONG,
        )
    known = key_id(bytes.fromhex(signer.key))
    if as_json:
        print_json({"key": signer.key, "id": known, "old_keys": _old_keys(file)})
    else:
        click.echo(signer.key)


def _old_keys(file: FleetFile) -> list[dict[str, Any]]:
    return [each.model_dump(mode="json") for each in file.audit.old_keys]


def _document(report: Report) -> dict[str, Any]:
    return {**asdict(report), "holds": not report.problems}
