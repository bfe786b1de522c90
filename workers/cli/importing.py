"""`rota import`: schedules of other software become agents."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

from schedules.declaration_errors import DeclarationErrors
from schedules.importing.agent_files import AgentFile, TakenError, check, write
from schedules.importing.crontab import read_crontab
from schedules.importing.crontab_agents import job_agent, secrets_of, shown, tells_secret
from schedules.importing.temporal_schedule import NotExpressibleError
from workers.cli.command_error import CommandError
from workers.cli.exit_codes import ExitCode
from workers.cli.import_temporal import found_schedules
from workers.cli.options import command, fleet_option, server_options
from workers.cli.output import print_json, remark
from workers.cli.time_zone import TimeZoneError, checked_zone, machines_zone
from workers.settings import Settings

_dry_run = click.option("--dry-run", is_flag=True, help="Print the declarations, write nothing.")
_JSON = "{agents: [{name, file, what}], left: [{what, reason}]}"


@click.group("import")
def import_command() -> None:
    """Turn schedules of other software into agents.

    Example: crontab -l | rota import crontab -
    """


@dataclass(frozen=True)
class _Left:
    """Something that is not taken over."""

    what: str
    reason: str


@dataclass(frozen=True)
class _Imported:
    """One agent, and what it comes from."""

    what: str
    file: AgentFile


@command(
    "crontab",
    example=(
        "crontab -l | rota import crontab - --fleet jobs",
        "rota import crontab /etc/crontab --system --dry-run",
    ),
    json=_JSON,
)
@fleet_option
@click.argument("file", metavar="FILE", type=click.File(encoding="utf-8-sig", errors="replace"))
@click.option("--system", is_flag=True, help="Lines name a user, as in /etc/crontab.")
@click.option("--timezone", help="Of jobs without CRON_TZ. Default: this machine's.")
@_dry_run
def crontab_command(
    fleet: Path, file: Any, system: bool, timezone: str | None, dry_run: bool, as_json: bool
) -> None:
    """Write one agent for each line of a crontab; '-' reads standard input.

    Each runs the line's command as cron does: by the shell, in the home folder, without input.
    Never overwrites a file that says something else; a second run changes nothing. Lines that
    cannot be taken over are named, and end it with exit code 1; the others are written.
    """
    source = file.name if file.name not in ("-", "<stdin>") else "a crontab"
    try:
        zone = checked_zone(timezone or machines_zone())
    except TimeZoneError as error:
        raise CommandError(str(error), ExitCode.WRONG) from error
    jobs, unread = read_crontab(file.read(), system=system)
    if not jobs and not unread:
        raise CommandError(f"no line of {source} starts a job: nothing to import", ExitCode.WRONG)
    imported: list[_Imported] = []
    left = [_Left(f"line {one.line}: {shown(one.text)}", one.reason) for one in unread]
    secrets: set[str] = set()
    telling: list[str] = []
    # After the crontab alone: a second run gives the same names, and finds its own files.
    names: set[str] = set()
    for job in jobs:
        what = f"line {job.line}: {shown(job.command)}"
        agent = job_agent(job, names, source, zone)
        names.add(agent.name)
        try:
            checked_zone(job.timezone or zone)
            check(agent, fleet)
        except (DeclarationErrors, TakenError, TimeZoneError) as error:
            left.append(_Left(what, _reason(error)))
        else:
            imported.append(_Imported(what, agent))
            secrets.update(secrets_of(job))
            telling += [agent.path] if tells_secret(job) else []
    if secrets:
        left_out = ", ".join(sorted(secrets))
        remark(f"left out of the files, to be set where the workers run: {left_out}")
    if telling:
        remark(
            "these hold what looks like a secret, as the crontab did; move it to runtime.env as "
            f"env:NAME before anybody commits them: {', '.join(telling)}"
        )
    _finish(imported, left, fleet, dry_run=dry_run, as_json=as_json)


@command(
    "temporal-schedules",
    example=(
        "rota import temporal-schedules --dry-run",
        "rota import temporal-schedules nightly-export --fleet jobs",
    ),
    json=_JSON,
)
@server_options
@click.argument("ids", metavar="[SCHEDULE]...", nargs=-1)
@_dry_run
def temporal_command(
    settings: Settings, ids: tuple[str, ...], dry_run: bool, as_json: bool
) -> None:
    """Write one agent for each Temporal schedule that is not Rota's, or for those named.

    Each starts the same workflow, on its own task queue, when the schedule would, and waits for
    its result. The schedules stay as they are: the first lines of each file say how to pause
    them. What cannot be said is named, and ends it with exit code 1; the others are written.
    """
    imported: list[_Imported] = []
    left: list[_Left] = []
    names: set[str] = set()
    for found in found_schedules(settings, ids):
        try:
            agent = found.agent(names)
            names.add(agent.name)
            check(agent, settings.fleet)
        except (DeclarationErrors, TakenError, NotExpressibleError) as error:
            left.append(_Left(found.id, _reason(error)))
        else:
            imported.append(_Imported(found.id, agent))
    if not imported and not left:
        remark("every schedule of this namespace is Rota's already, or there is none")
    _finish(imported, left, settings.fleet, dry_run=dry_run, as_json=as_json)


def _reason(error: Exception) -> str:
    return str(error.errors[0] if isinstance(error, DeclarationErrors) else error)


def _finish(
    imported: list[_Imported], left: list[_Left], fleet: Path, *, dry_run: bool, as_json: bool
) -> None:
    """Write the files and say so; what is left ends the command with 1."""
    for each in imported:
        if not dry_run:
            write(each.file, fleet)
        if as_json:
            continue
        if dry_run:
            click.echo(f"# {each.file.path}\n{each.file.text}---")
        else:
            click.echo(f"{fleet / each.file.path}: {each.what}")
    if as_json:
        agents = [
            {"name": each.file.name, "file": each.file.path, "what": each.what} for each in imported
        ]
        print_json({"agents": agents, "left": [asdict(one) for one in left]})
    else:
        for one in left:
            remark(f"not taken over: {one.what}: {one.reason}")
        if imported and not dry_run:
            then = f"rota validate --fleet {fleet}, rota plan --fleet {fleet}"
            remark(f"next: {then}, and end the old ones")
    if left:
        raise click.exceptions.Exit(ExitCode.FAILED)


import_command.add_command(crontab_command)
import_command.add_command(temporal_command)
