"""`rota gc`: retention, and what nothing refers to."""

from datetime import timedelta

import click

from activities.audit.collecting import Collector
from activities.audit.roots import server_roots
from rota.audit.collected import GcReport
from rota.audit.retention import FleetRetention
from rota.language.durations import parse_duration
from schedules.fleet import load_fleet_file
from workers.cli.command_error import CommandError
from workers.cli.exit_codes import ExitCode
from workers.cli.options import command, server_options
from workers.cli.output import now, print_json, remark
from workers.cli.server import Link, with_server
from workers.settings import Settings

LEAST_GRACE = timedelta(days=1)
"""Below it, what a run or an upload is just writing could be taken for garbage."""


@command(
    "gc",
    example=("rota gc --dry-run", "rota gc"),
    json="{dry_run, archives, others, expired, held, objects, kept, removed, bytes, spared, "
    "undecided, swept}",
)
@server_options
@click.option("--dry-run", is_flag=True, help="Take nothing; say what would be taken.")
@click.option(
    "--grace", default="7d", metavar="7d", help="Keep what was stored within it. At least 1d."
)
def gc_command(settings: Settings, dry_run: bool, grace: str, as_json: bool) -> None:
    """Take away archives whose retention is over, and objects that nothing refers to.

    Retention: audit.retention of fleet.yaml, for runs of that fleet alone. Needs no worker, and
    stops nobody. What cannot be decided is kept, and said; then it ends with 1. The store must
    belong to one namespace.
    """
    file = load_fleet_file(settings.fleet)
    try:
        young = parse_duration(grace)
    except ValueError as error:
        raise CommandError(f"--grace: {error}", ExitCode.WRONG) from error
    if young < LEAST_GRACE:
        raise CommandError("--grace: at least 1d, for what runs are just writing", ExitCode.WRONG)

    async def work(link: Link) -> GcReport:
        collector = Collector(
            link.store,
            lambda gone: server_roots(link.client, link.store, gone),
            link.client.namespace,
            FleetRetention(file.name, file.audit.retention),
            now,
        )
        return await collector.collect(young, dry_run=dry_run)

    report = with_server(settings, work)
    if as_json:
        print_json(report.model_dump(mode="json"))
    else:
        _tell(report)
    if report.undecided:
        raise CommandError("\n".join(report.undecided))


def _tell(report: GcReport) -> None:
    taken = "would be taken" if report.dry_run else "taken"
    click.echo(f"runs: {len(report.expired)} of {report.archives} archived {taken}")
    if report.others:
        remark(f"{report.others} are other fleets', which have their own retention")
    for each in report.held:
        remark(f"{each}: its retention is over, but it is held")
    if report.swept:
        size = report.bytes / 1024 / 1024
        click.echo(f"objects: {report.removed} of {report.objects} {taken}, {size:.1f} MiB")
    else:
        click.echo("objects: none taken")
