"""`rota audit list`: what is archived, how long it is kept, and what keeps it longer."""

from datetime import datetime

import click

from activities.audit.archive_store import all_archives
from activities.audit.holding import all_holds
from rota.audit.archived import ArchivedRun
from rota.audit.keeping import Keeping, keeping_of
from rota.audit.retention import FleetRetention
from schedules.fleet import load_fleet_file
from workers.audit.kept import kept_until
from workers.cli.options import command, server_options
from workers.cli.output import now, print_json, print_table, remark, table
from workers.cli.server import Link, with_server
from workers.cli.since import since_option
from workers.settings import Settings

Listed = list[tuple[ArchivedRun, Keeping]]


@command(
    "list",
    example=("rota audit list --agent report", "rota audit list --since 30d --json"),
    json="[{run_id, key, agent, started, ended, status, head, keeping: {at, retention, until, "
    "undecided, holds, destroyed}}]",
)
@server_options
@click.option("--agent", metavar="AGENT|PIPELINE", help="Its runs alone.")
@since_option("Runs that were started since.")
def list_command(
    settings: Settings, agent: str | None, since: datetime | None, as_json: bool
) -> None:
    """List archived runs: class, until when they are kept, who holds them, who erased them."""
    file = load_fleet_file(settings.fleet)
    retention, at = FleetRetention(file.name, file.audit.retention), now()

    async def work(link: Link) -> Listed:
        holds = await all_holds(link.store)
        found = [
            each
            for each in await all_archives(link.store)
            if each.namespace == link.client.namespace
            and (agent is None or each.agent == agent)
            and (since is None or each.started >= since)
        ]
        found.sort(key=lambda each: (each.started, each.run.key))
        return [(each, keeping_of(each, retention, holds, at)) for each in found]

    listed = with_server(settings, work)
    if as_json:
        print_json([_document(run, keeping) for run, keeping in listed])
    elif not listed:
        remark("nothing is archived")
    else:
        _print(listed)


def _document(run: ArchivedRun, keeping: Keeping) -> dict[str, object]:
    told = run.model_dump(mode="json", include={"agent", "started", "ended", "status", "head"})
    return {
        "run_id": run.run.id,
        "key": run.run.key,
        **told,
        "keeping": keeping.model_dump(mode="json"),
    }


def _print(listed: Listed) -> None:
    made = table("run", "ended", "class", "kept until", "held by", "erased by")
    for run, keeping in listed:
        held = ", ".join(f"{each.by} ({each.id})" for each in keeping.holds)
        gone = keeping.destroyed
        made.add_row(
            run.run.id,
            f"{run.ended:%Y-%m-%d}",
            keeping.retention,
            kept_until(keeping),
            held or "-",
            f"{gone.by}, {gone.at:%Y-%m-%d}" if gone else "-",
        )
    print_table(made)
