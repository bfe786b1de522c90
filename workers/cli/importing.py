"""`rota import`: schedules of other software become agents."""

import os
import tempfile
import zoneinfo
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from schedules.declaration_errors import DeclarationErrors
from schedules.declared import read_declaration
from schedules.importing.crontab import Job, Unread, read_crontab
from schedules.importing.crontab_agents import declaration, name_of, secrets_of
from schedules.yaml_source import load_documents
from workers.cli.command_error import CommandError
from workers.cli.exit_codes import ExitCode
from workers.cli.options import command, fleet_option
from workers.cli.output import print_json, remark

_FOLDER = "agents"


@click.group("import")
def import_command() -> None:
    """Turn schedules of other software into agents.

    Example: crontab -l | rota import crontab -
    """


@dataclass(frozen=True)
class _Written:
    """One job and the file that declares it."""

    job: Job
    name: str
    text: str

    @property
    def file(self) -> str:
        return f"{_FOLDER}/{self.name}.yaml"


@command(
    "crontab",
    example=(
        "crontab -l | rota import crontab - --fleet jobs",
        "rota import crontab /etc/crontab --system --dry-run",
    ),
    json="{agents: [{name, file, line, command}], left: [{line, text, reason}]}",
)
@fleet_option
@click.argument("file", metavar="FILE", type=click.File(encoding="utf-8", errors="replace"))
@click.option("--system", is_flag=True, help="Lines name a user, as in /etc/crontab.")
@click.option("--timezone", help="Of jobs without CRON_TZ. Default: this machine's.")
@click.option("--dry-run", is_flag=True, help="Print the declarations, write nothing.")
def crontab_command(
    fleet: Path, file: Any, system: bool, timezone: str | None, dry_run: bool, as_json: bool
) -> None:
    """Write one agent for each line of a crontab; '-' reads standard input.

    Each runs the line's command as cron does: by the shell, in the home folder, without input.
    Never overwrites a file that says something else; a second run changes nothing. Lines that
    cannot be taken over are named, and end it with exit code 1; the others are written.
    """
    source = file.name if file.name not in ("-", "<stdin>") else "a crontab"
    zone = _zone(timezone)
    jobs, unread = read_crontab(file.read(), system=system)
    if not jobs and not unread:
        raise CommandError(f"no line of {source} starts a job: nothing to import", ExitCode.WRONG)
    written, refused = _written(jobs, source, zone, fleet)
    unread = sorted([*unread, *refused], key=lambda left: left.line)
    if not dry_run:
        for agent in written:
            path = fleet / agent.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(agent.text, encoding="utf-8")
    _tell(written, unread, fleet, dry_run=dry_run, as_json=as_json)
    if unread:
        raise click.exceptions.Exit(ExitCode.FAILED)


def _written(
    jobs: list[Job], source: str, zone: str, fleet: Path
) -> tuple[list[_Written], list[Unread]]:
    """Return what is to be written, each read back as `rota validate` will read it."""
    written: list[_Written] = []
    refused: list[Unread] = []
    for job in jobs:
        # After the crontab alone: a second run gives the same names, and finds its own files.
        name = name_of(job, {each.name for each in written})
        agent = _Written(job, name, declaration(job, name, source, zone))
        try:
            _zone(job.timezone or zone)
            _check(agent, fleet)
        except DeclarationErrors as group:
            refused.append(Unread(job.line, job.command, str(group.errors[0])))
        except CommandError as error:
            refused.append(Unread(job.line, job.command, error.message))
        else:
            written.append(agent)
    return written, refused


def _check(agent: _Written, fleet: Path) -> None:
    """Read the declaration back; see that it takes no other's place.

    Raises:
        CommandError: a file of its name says something else.
        DeclarationErrors: the declaration is wrong.
    """
    path = fleet / agent.file
    if path.exists() and path.read_text(encoding="utf-8") != agent.text:
        raise CommandError(f"{path} is there already and says something else: move it away first")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, path.name)
        file.write_text(agent.text, encoding="utf-8")
        for document in load_documents(file, file.name):
            read_declaration(document, Path(folder))


def _zone(named: str | None) -> str:
    """Return a time zone's name that can be declared.

    Raises:
        CommandError: there is no such zone.
    """
    name = named or os.environ.get("TZ", "").lstrip(":") or _machines_zone()
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise CommandError(
            f"no time zone '{name}': write one such as Europe/Berlin", ExitCode.WRONG
        ) from error
    return name


def _machines_zone() -> str:
    """Return what /etc/localtime is a link to; UTC if it tells no name."""
    _, _, name = str(Path("/etc/localtime").resolve()).partition("zoneinfo/")
    return name or "UTC"


def _tell(
    written: list[_Written], unread: list[Unread], fleet: Path, *, dry_run: bool, as_json: bool
) -> None:
    if as_json:
        agents = [
            {
                "name": each.name,
                "file": each.file,
                "line": each.job.line,
                "command": each.job.command,
            }
            for each in written
        ]
        left = [{"line": one.line, "text": one.text, "reason": one.reason} for one in unread]
        print_json({"agents": agents, "left": left})
        return
    for each in written:
        if dry_run:
            click.echo(f"# {each.file}\n{each.text}---")
        else:
            click.echo(f"line {each.job.line}: {fleet / each.file}")
    secrets = sorted({name for each in written for name in secrets_of(each.job)})
    if secrets:
        remark(f"left out of the files, to be set where the workers run: {', '.join(secrets)}")
    for one in unread:
        remark(f"line {one.line} not taken over: {one.text}: {one.reason}")
    if written and not dry_run:
        remark(f"next: rota validate --fleet {fleet}; rota plan; and take the lines out of cron")


import_command.add_command(crontab_command)
