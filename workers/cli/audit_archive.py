"""`rota audit archive`: put closed runs away by hand, as a worker does by itself."""

from datetime import datetime
from typing import Any

import click

from activities.audit.archiver import Archiver
from activities.audit.fleet_agents import fleet_agents
from rota.archive import ArchiveOrder, ArchiveReport
from rota.language.durations import format_duration
from schedules.fleet import load_fleet_file
from workers.cli.audit_key import fleet_signer
from workers.cli.command_error import CommandError
from workers.cli.exit_codes import ExitCode
from workers.cli.options import command, server_options
from workers.cli.output import now, print_json, remark
from workers.cli.server import Link, with_server
from workers.cli.since import since_option
from workers.settings import Settings

EVERYTHING = 10**9
TOLD_EVERY = 200
"""Runs."""


@command(
    "archive",
    example=("rota audit archive", "rota audit archive --agent report --since 7d"),
    json="{archived, skipped, failures, failed: [{run_id, reason}], lost, checkpoints, "
    "lag_seconds, oldest_unarchived}",
)
@server_options
@click.option("--agent", "agents", multiple=True, metavar="AGENT|PIPELINE", help="Its runs alone.")
@since_option("Runs that ended since. Default: all that the server still knows.")
def archive_command(
    settings: Settings, agents: tuple[str, ...], since: datetime | None, as_json: bool
) -> None:
    """Put the fleet's closed runs away before the server forgets them, and make daily checkpoints.

    Encrypted, each under a key of its own; 'rota audit export' and 'rota audit show' read them.
    Safe to repeat. Ends with 1 if a run could not be archived, or was lost.
    """
    file = load_fleet_file(settings.fleet)
    signer = fleet_signer(file)
    order = ArchiveOrder(fleet=file.name, agents=agents, since=since, limit=EVERYTHING)

    async def work(link: Link) -> ArchiveReport:
        unknown = {*agents} - {*await fleet_agents(link.client, file.name)}
        if unknown:
            names = ", ".join(sorted(unknown))
            text = f"fleet {file.name} declares no {names} on this server: 'rota agents' lists all"
            raise CommandError(text, ExitCode.NOT_FOUND)
        return await Archiver(link.client, link.store, file, signer, now).work(order, _Progress())

    report = with_server(settings, work)
    if as_json:
        print_json(_document(report))
    else:
        _tell(report)
    problems = [f"{each.run_id}: {each.reason}" for each in report.failed]
    problems += [f"{each}: the server forgot it before it was archived" for each in report.lost]
    if problems:
        raise CommandError("\n".join(problems))


class _Progress:
    """Says now and then how far it is."""

    def __init__(self) -> None:
        self._lines = 0

    def __call__(self, line: str) -> None:
        self._lines += 1
        if self._lines % TOLD_EVERY == 0:
            remark(line)


def _document(report: ArchiveReport) -> dict[str, Any]:
    return report.model_dump(mode="json", exclude={"left", "problem"})


def _tell(report: ArchiveReport) -> None:
    told = f"{report.archived} archived, {report.skipped} were before"
    if report.checkpoints:
        told += f", {report.checkpoints} checkpoints made"
    click.echo(told)
    if report.oldest_unarchived is not None:
        age = format_duration(now() - report.oldest_unarchived.replace(microsecond=0))
        remark(f"the oldest run that is not archived ended {age} ago")
