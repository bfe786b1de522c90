"""`rota dev`: everything for one fleet on this machine."""

import asyncio
import sys
from pathlib import Path

import click

from workers.checked_fleet import CheckedFleet, check_fleet
from workers.cli.options import command
from workers.cli.output import now, remark
from workers.cli.plan import apply_fleet
from workers.cli.server import Link
from workers.cli.validate import show_warnings
from workers.connection import connect, quiet_core
from workers.dev import DATABASE, DevOptions, run_dev, use_own_server
from workers.devserver import DevServer
from workers.encryption import store_of
from workers.settings import Settings

PORT = 7233
"""Where every Temporal tool looks without being told."""
UI_PORT = 8233


@command(
    "dev",
    example=("rota dev my-fleet", "rota dev --port 7300 --ui-port 8300 --no-apply"),
)
@click.argument(
    "fleet", type=click.Path(path_type=Path), envvar="ROTA_FLEET", default=Path("."), required=False
)
@click.option(
    "--port",
    default=PORT,
    show_default=True,
    type=click.IntRange(1, 65535),
    help="Port of the server.",
)
@click.option(
    "--ui-port",
    default=UI_PORT,
    show_default=True,
    type=click.IntRange(1, 65535),
    help="Port of the web UI.",
)
@click.option(
    "--db",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Database file. Default: .rota/temporal.db of the fleet.",
)
@click.option("--store", help="Object store. Default: .rota/store of the fleet.")
@click.option("--task-queue", help="Task queue of the runs. Default: rota.")
@click.option("--ui/--no-ui", default=True, show_default=True, help="Serve the web UI.")
@click.option("--worker/--no-worker", default=True, show_default=True, help="Run a worker.")
@click.option(
    "--apply/--no-apply",
    default=True,
    show_default=True,
    help="Apply the fleet at the start; needs the worker.",
)
def dev_command(
    fleet: Path,
    port: int,
    ui_port: int,
    db: Path | None,
    store: str | None,
    task_queue: str | None,
    ui: bool,
    worker: bool,
    apply: bool,
) -> None:
    """Start server, UI and worker for a fleet on this machine.

    The real Temporal server on one SQLite file: what ran is there again next time. Ctrl-C
    stops everything in order. Temporal's environment variables are not used: this never
    touches another server.
    """
    checked = check_fleet(fleet, now())
    show_warnings(checked)
    use_own_server()
    quiet_core()
    options = DevOptions(
        settings=Settings.read(fleet, store=store, task_queue=task_queue),
        database=db or fleet / DATABASE,
        port=port,
        ui_port=ui_port if ui else None,
        with_worker=worker,
    )

    async def ready(server: DevServer, settings: Settings) -> None:
        if apply and worker:
            await _apply(checked, settings)
        _greet(checked, server, settings)

    asyncio.run(run_dev(options, remark, ready))
    remark("stopped; 'rota dev' goes on from here")


async def _apply(checked: CheckedFleet, settings: Settings) -> None:
    store = store_of(settings)
    client = await connect(settings, store)
    plan, _ = await apply_fleet(Link(client, store, settings), checked, None)
    click.echo(f"applied fleet {plan.fleet}: {plan.summary}")


def _greet(checked: CheckedFleet, server: DevServer, settings: Settings) -> None:
    click.echo(f"Temporal server  {server.address}")
    if server.ui:
        click.echo(f"Temporal UI      {server.ui}")
    click.echo(f"server metrics   {server.metrics}")
    first = next(iter(checked.fleet.agents), None)
    where = "" if settings.fleet.resolve() == Path.cwd() else f" --fleet {settings.fleet}"
    where += "" if server.address.endswith(f":{PORT}") else f" --address {server.address}"
    click.echo("Try, in another terminal:")
    if first:
        click.echo(f"  rota run {first}{where}")
    click.echo(f"  rota runs{where}")
    click.echo("Ctrl-C stops everything.")
    sys.stdout.flush()
