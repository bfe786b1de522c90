"""`rota audit checkpoints`: hand out what binds the records of runs, to be kept elsewhere."""

from pathlib import Path

import click

from activities.audit.proofs import all_checkpoints
from rota.audit.checkpoints import SignedCheckpoint
from rota.audit.days import read_days
from rota.audit.statements import NOBODY
from rota.model import canonical_json
from workers.audit.folders import add_files
from workers.cli.command_error import CommandError
from workers.cli.options import command, server_options
from workers.cli.output import print_json
from workers.cli.server import Link, with_server
from workers.settings import Settings


@command(
    "checkpoints",
    example=(
        "rota audit checkpoints -o checkpoints",
        "rota audit checkpoints --agent report -o checkpoints",
    ),
    json="{folder, checkpoints, new}",
)
@server_options
@click.option("--agent", metavar="AGENT|PIPELINE", help="Its checkpoints alone.")
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), help="Folder, new or not."
)
def checkpoints_command(settings: Settings, agent: str | None, output: Path, as_json: bool) -> None:
    """Write the daily checkpoints into a folder, and check that they make a row without gaps.

    Keep it where those whose work is recorded cannot write, and go on with the same folder: what
    lies there already must still be in the store as it was. If something is missing or was made
    anew, nothing is written, and it ends with 1. 'rota audit verify --checkpoint' takes the folder.
    """

    async def work(link: Link) -> list[SignedCheckpoint]:
        return await all_checkpoints(link.store, agent)

    files = {_path(each): canonical_json(each.handed_out) for each in with_server(settings, work)}
    report, _ = read_days(files, NOBODY)
    kept = _kept(output, agent)
    problems = [
        *report.problems,
        *(f"{path}: not in the store any more" for path in sorted(kept.keys() - files.keys())),
        *(
            f"{path}: the store has another one"
            for path in sorted(kept.keys() & files.keys())
            if kept[path] != files[path]
        ),
    ]
    if problems:
        raise CommandError("\n".join(problems))
    new = {path: data for path, data in files.items() if path not in kept}
    add_files(output, new)
    if as_json:
        print_json({"folder": str(output), "checkpoints": len(files), "new": len(new)})
    else:
        click.echo(f"{output}: {len(files)} checkpoints, {len(new)} of them new")


def _path(checkpoint: SignedCheckpoint) -> str:
    told = checkpoint.checkpoint
    return f"{told.agent}/{told.day.isoformat()}.json"


def _kept(folder: Path, agent: str | None) -> dict[str, bytes]:
    """What was handed out before."""
    paths = folder.glob(f"{agent or '*'}/*.json")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
