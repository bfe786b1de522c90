"""`rota gateway`: what people and programs outside reach, until it is told to stop."""

import asyncio
from pathlib import Path

import click

from schedules.fleet import AGENTS_FOLDER, Fleet, load_fleet, load_fleet_file
from workers.callbacks import CallbackOptionsError, receiver_of
from workers.cli.all_logged import logged
from workers.cli.command_error import CommandError
from workers.cli.exit_codes import ExitCode
from workers.cli.links import known_ui
from workers.cli.logs import log_options
from workers.cli.options import command, server_options
from workers.codec_server import PayloadReader
from workers.connection import connect, quiet_core, target_of
from workers.encryption import encryption_of, store_of
from workers.gateway.access import (
    Access,
    AccessError,
    access_with,
    links_of,
    readers_with,
    secret_of,
)
from workers.gateway.doors import DoorError, doors_of
from workers.gateway.health import look_at_start
from workers.gateway.place import Gateway
from workers.gateway.serving import serve_until_stopped
from workers.http_server import ListenError, Tls, listener_at
from workers.settings import Settings

LISTEN = "--listen (ROTA_GATEWAY_LISTEN)"


@command(
    "gateway",
    example=(
        "rota gateway --fleet my-fleet",
        "TEMPORAL_PROFILE=prod rota gateway --listen 0.0.0.0:8080 --log-format json",
    ),
)
@server_options
@log_options
@click.option(
    "--listen",
    metavar="HOST:PORT",
    envvar="ROTA_GATEWAY_LISTEN",
    default="127.0.0.1:8080",
    show_default=True,
    help="Where to listen. Default: ROTA_GATEWAY_LISTEN.",
)
@click.option(
    "--tls-cert",
    type=click.Path(path_type=Path),
    envvar="ROTA_GATEWAY_TLS_CERT",
    help="Certificate in PEM, unless TLS ends before the gateway. Default: ROTA_GATEWAY_TLS_CERT.",
)
@click.option(
    "--tls-key",
    type=click.Path(path_type=Path),
    envvar="ROTA_GATEWAY_TLS_KEY",
    help="Its key. Default: ROTA_GATEWAY_TLS_KEY.",
)
def gateway_command(
    settings: Settings,
    log_format: str,
    log_level: str,
    listen: str,
    tls_cert: Path | None,
    tls_key: Path | None,
) -> None:
    """Serve a fleet over HTTP: metrics and health, webhooks, a codec server.

    GET / (a page for people), /metrics, /healthz, /readyz; POST /hooks, /events, /callbacks,
    /decode, and /approve for links, as far as they are declared; until SIGINT or SIGTERM. Any
    number may run at once. Beyond loopback it needs gateway.token in fleet.yaml. Logs to standard
    error.
    """
    with logged(log_level, as_json=log_format == "json"):
        quiet_core()
        try:
            asyncio.run(_serve(settings, listen, _tls(tls_cert, tls_key)))
        except (AccessError, CallbackOptionsError, DoorError, ListenError) as error:
            raise CommandError(str(error), ExitCode.WRONG) from error


async def _serve(settings: Settings, listen: str, tls: Tls | None) -> None:
    if not settings.fleet.is_dir():
        raise CommandError(
            f"no folder {settings.fleet}: name the fleet's with --fleet or ROTA_FLEET",
            ExitCode.WRONG,
        )
    gateway = await _opened(settings, listen)
    await look_at_start(gateway)
    await serve_until_stopped(gateway, listener_at(listen, LISTEN), tls)


async def _opened(settings: Settings, listen: str) -> Gateway:
    """Read what is declared, and all secrets, before the server is asked anything."""
    file = load_fleet_file(settings.fleet)
    token = file.gateway.token
    known = secret_of(token, "gateway.token") if token else None
    access = access_with(known, listen, LISTEN, file.gateway.url)
    declared = load_fleet(settings.fleet) if (settings.fleet / AGENTS_FOLDER).is_dir() else None
    doors = doors_of(declared or Fleet(file.name, settings.fleet, {}, declared_file=file))
    spec, readers = file.gateway.decode, dict[str, Access]()
    if spec is not None:
        tokens = {n: secret_of(r, f"gateway.decode.readers.{n}") for n, r in spec.readers.items()}
        readers = readers_with(tokens, listen, LISTEN)
    links = links_of(file, target_of(settings)[1])
    store = store_of(settings)
    client = await connect(settings, store)
    return Gateway(
        client,
        store,
        settings,
        file,
        access,
        known_ui(settings),
        doors=doors,
        callbacks=receiver_of(store),
        opens=PayloadReader(store, encryption_of(settings), client.namespace) if spec else None,
        readers=readers,
        links=links,
    )


def _tls(certificate: Path | None, key: Path | None) -> Tls | None:
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise CommandError("--tls-cert and --tls-key belong together: give both", ExitCode.WRONG)
    tls = Tls(certificate, key)
    if problem := tls.problem:
        raise CommandError(f"--tls-cert, --tls-key: {problem}", ExitCode.WRONG)
    return tls
