"""`rota worker`: one worker, until it is told to stop."""

import asyncio
import logging
import os

import click

from activities.toolbox import Toolbox
from schedules.fleet import load_fleet_file
from workers.build import Build, BuildOptionsError, build_from
from workers.callbacks import CallbackOptionsError, callbacks_from, receiving
from workers.cli.all_logged import logged
from workers.cli.command_error import CommandError
from workers.cli.exit_codes import ExitCode
from workers.cli.links import known_ui
from workers.cli.logs import log_options
from workers.cli.options import command, server_options
from workers.connection import connect, quiet_core
from workers.encryption import store_of
from workers.http_server import ListenError
from workers.namespace import attribute_problems
from workers.readiness import Readiness
from workers.serving import WorkerFailedError, serve_until_stopped
from workers.settings import Settings
from workers.tracing.switch import traces_sent
from workers.watching import watchdog_queue
from workers.worker_health import Serving, probed

log = logging.getLogger("rota.worker")


@command(
    "worker",
    example=(
        "rota worker --fleet my-fleet",
        "TEMPORAL_PROFILE=prod rota worker --store s3://bucket/rota --log-format json",
    ),
)
@server_options
@log_options
@click.option(
    "--metrics",
    envvar="ROTA_METRICS",
    help="host:port to serve Prometheus metrics at. Default: ROTA_METRICS.",
)
@click.option(
    "--health",
    metavar="HOST:PORT",
    envvar="ROTA_HEALTH",
    help="Answer probes at /healthz and /readyz. Default: ROTA_HEALTH.",
)
@click.option(
    "--deployment",
    metavar="NAME",
    envvar=["ROTA_DEPLOYMENT", "TEMPORAL_DEPLOYMENT_NAME"],
    help="Worker Deployment that --build is one of. Default: ROTA_DEPLOYMENT.",
)
@click.option(
    "--build",
    metavar="ID",
    envvar=["ROTA_BUILD", "TEMPORAL_WORKER_BUILD_ID"],
    help="Build of the code: runs end on the one they began on. Default: ROTA_BUILD.",
)
@click.option(
    "--watchdog",
    is_flag=True,
    help="Serve the Watchdog's own queue alone (watchdog.queue in fleet.yaml).",
)
@click.option(
    "--callbacks",
    metavar="HOST:PORT",
    envvar="ROTA_CALLBACKS",
    help="Receive answers that providers post. Default: ROTA_CALLBACKS.",
)
@click.option(
    "--callback-url",
    metavar="URL",
    envvar="ROTA_CALLBACK_URL",
    help="Where providers reach --callbacks of any worker, or a gateway. Default: "
    "ROTA_CALLBACK_URL, or gateway.url of fleet.yaml.",
)
def worker_command(
    settings: Settings,
    log_format: str,
    log_level: str,
    metrics: str | None,
    health: str | None,
    deployment: str | None,
    build: str | None,
    watchdog: bool,
    callbacks: str | None,
    callback_url: str | None,
) -> None:
    """Run a worker for a fleet.

    Serves the fleet's task queue until SIGINT or SIGTERM, then lets steps in flight finish;
    what does not finish goes on in another worker. Any number may run at once. Logs to
    standard error, one line per event. Ends with 1 if it can no longer serve: start another.

    With --deployment and --build the server gives it nothing until that build is current.
    """
    with logged(log_level, as_json=log_format == "json"):
        quiet_core()
        try:
            given = build_from(deployment, build)
            asyncio.run(
                _work(settings, metrics, health, given, callbacks, callback_url, alone=watchdog)
            )
        except CallbackOptionsError as error:
            raise CommandError(str(error)) from error
        except (BuildOptionsError, ListenError) as error:
            raise CommandError(str(error), ExitCode.WRONG) from error


async def _work(
    settings: Settings,
    metrics: str | None,
    health: str | None,
    build: Build | None,
    listen: str | None,
    callback_url: str | None,
    *,
    alone: bool,
) -> None:
    # Broken files are lived with, for runs at work need this worker; a wrong path is not.
    if not settings.fleet.is_dir():
        raise CommandError(
            f"no folder {settings.fleet}: name the fleet's with --fleet or ROTA_FLEET",
            ExitCode.WRONG,
        )
    file = load_fleet_file(settings.fleet)
    toolbox = Toolbox.open(settings.fleet, file)
    if alone and watchdog_queue(toolbox, settings.task_queue) is None:
        raise CommandError(
            "the fleet's Watchdog has no queue of its own: declare watchdog: {queue: ...} in "
            "fleet.yaml, or leave --watchdog out",
            ExitCode.WRONG,
        )
    store = store_of(settings)
    callbacks = callbacks_from(store, listen, callback_url, file.gateway.url)
    client = await connect(settings, store, metrics=metrics, works=True)
    problems = await attribute_problems(client)
    if problems:
        raise CommandError(
            f"namespace {client.namespace} is not ready: {'; '.join(problems)}; "
            "run 'rota doctor --fix'"
        )
    serving = Serving()
    readiness = Readiness(client, store, log)
    try:
        async with receiving(callbacks, listen), probed(health, readiness, serving):
            await serve_until_stopped(
                client,
                task_queue=settings.task_queue,
                store=store,
                toolbox=toolbox,
                ui=known_ui(settings),
                watchdog_alone=alone,
                build=build,
                ready=serving,
            )
    except WorkerFailedError as error:
        log.critical("%s; ending with exit code %d", error, ExitCode.FAILED)
        # At once: `asyncio.run` would wait for every thread, and a tool's may hang. Whoever
        # watches this process must see it end, or nobody starts another.
        logging.shutdown()
        os._exit(ExitCode.FAILED)
    await traces_sent(os.environ)
