"""`rota init`: a small working fleet to start from."""

import re
from importlib import resources
from pathlib import Path

import click

from workers.cli.command_error import CommandError
from workers.cli.exit_codes import ExitCode
from workers.cli.options import command
from workers.cli.output import print_json

FILES = {
    "fleet.yaml": "fleet.yaml.template",
    "agents/hello.yaml": "hello.yaml.template",
    "prompts/hello.md": "hello.md.template",
    "tools.py": "tools.py.template",
    ".gitignore": "gitignore.template",
}
"""File of the new fleet -> template."""


@command("init", example="rota init my-fleet", json="{folder, name, files: [path]}")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--name", help="Name of the fleet. Default: the folder's name.")
def init_command(folder: Path, name: str | None, as_json: bool) -> None:
    """Write a small working fleet to start from.

    One agent with a schedule, a prompt, a tool and a memory. It runs offline at once; a
    comment shows how to give it a model. Never overwrites a file.
    """
    taken = [file for file in FILES if (folder / file).exists()]
    if taken:
        raise CommandError(
            f"{folder} already has {', '.join(taken)}: nothing was written; choose another folder",
            ExitCode.WRONG,
        )
    name = _fleet_name(name or folder.resolve().name)
    templates = resources.files("workers.templates")
    for file, template in FILES.items():
        text = (templates / template).read_text(encoding="utf-8")
        if file == "fleet.yaml":
            text = text.replace("{name}", name)
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    if as_json:
        print_json({"folder": str(folder), "name": name, "files": list(FILES)})
        return
    click.echo(f"fleet {name} written to {folder}: {', '.join(FILES)}")
    click.echo("Next:")
    for line in (
        f"  rota dev {folder}                   # server, UI and worker; leave it running",
        f"  rota run hello --fleet {folder}     # in another terminal",
        f"  rota runs --fleet {folder}",
    ):
        click.echo(line)


def _fleet_name(text: str) -> str:
    name = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    name = re.sub(r"^[^a-z]+", "", name)[:60].rstrip("-")
    return name or "my-fleet"
