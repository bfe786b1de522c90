"""`rota doctor`: everything Rota needs, checked; `--fix` mends what a command can."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import asdict

import click
from rich.markup import escape
from rich.status import Status
from rich.text import Text
from temporalio.service import RPCError

from activities.encryption.keys import KeySourceError
from activities.stores.base import KeyNeededError
from activities.tools.fleet import ToolLoadError
from schedules.declaration_errors import DeclarationErrors
from schedules.fleet import Fleet
from workers.build_checks import check_builds
from workers.checked_fleet import CheckedFleet, check_fleet
from workers.checks import (
    KEY_CURE,
    Check,
    check_attributes,
    check_drift,
    check_retention,
    check_server,
    check_store,
    check_workers,
)
from workers.cli.exit_codes import ExitCode
from workers.cli.options import command, server_options
from workers.cli.output import console, now, print_json, print_table, table
from workers.cli.server import Link, with_server
from workers.connection import UnreachableError, target_of
from workers.gateway_checks import check_gateway
from workers.key_checks import check_keys
from workers.namespace import RETENTION, prepare_namespace
from workers.notify_checks import check_notifiers
from workers.outside import check_outside
from workers.runtime_checks import check_breakers, check_runtime_queues
from workers.settings import Settings, SettingsError
from workers.unstopped import check_unstopped
from workers.watchdog_checks import check_watchdog

_NAMED = 2
"""Of those waited for, as many are told by name: it must stay one line."""


@command(
    "doctor",
    example=("rota doctor", "rota doctor --gateway", "rota doctor --fix --namespace prod"),
    json="[{name, ok, found, cure}]",
)
@server_options
@click.option(
    "--fix",
    is_flag=True,
    help="Create search attributes, raise the retention, ask providers again to stop.",
)
@click.option(
    "--before-workers",
    is_flag=True,
    help="Look at the server, its namespace, keys and store alone: nobody serves yet.",
)
@click.option(
    "--gateway",
    is_flag=True,
    help="Look as where 'rota gateway' runs: at its secrets, not at what workers reach.",
)
@click.option(
    "--stopped",
    multiple=True,
    metavar="RUN",
    help="Forget the work of RUN that nobody confirmed to have stopped: you have looked.",
)
def doctor_command(
    settings: Settings,
    fix: bool,
    before_workers: bool,
    gateway: bool,
    stopped: tuple[str, ...],
    as_json: bool,
) -> None:
    """Check everything Rota needs; --fix mends what it can.

    The server and its namespace, workers, the store, the fleet's files, the gateway's secrets,
    drift. Of the fleet's agents: each runtime, connection, MCP server and channel of notify, asked
    without spending or sending. Ends with 1 if anything is wrong, with 3 if there is no server.
    Run it where workers run: secrets of the gateway alone need not be there.
    """
    if before_workers and gateway:
        raise click.UsageError("--before-workers looks at no fleet: leave --gateway out")
    local, checked = ([], None) if before_workers else _check_files(settings, gateway=gateway)
    local += check_keys(settings)
    code = ExitCode.FAILED
    with console(err=True).status("") as status:
        if checked is not None and not gateway:
            local += _check_outside(checked, status)
        try:
            status.update(f"asking the server at {escape(target_of(settings)[0])}")
            checks = with_server(
                settings,
                lambda link: (
                    _check_first(link, fix)
                    if before_workers
                    else _check(link, checked, fix, stopped)
                ),
            )
        except UnreachableError as error:
            cure = "mend that, or name another server with --address"
            checks = [Check("server", False, str(error), cure)]
            code = ExitCode.NO_SERVER
        except (KeySourceError, SettingsError):
            checks = []  # told by `check_keys`: without keys there is nothing to ask the server
    checks += local
    if as_json:
        print_json([asdict(check) for check in checks])
    else:
        _show(checks)
    if not all(check.ok for check in checks):
        raise click.exceptions.Exit(code)


def _check_files(settings: Settings, *, gateway: bool) -> tuple[list[Check], CheckedFleet | None]:
    try:
        checked = check_fleet(settings.fleet, now())
    except (DeclarationErrors, ToolLoadError) as error:
        lines = str(error).splitlines()
        more = f" (and {len(lines) - 1} more)" if len(lines) > 1 else ""
        return [Check("fleet", False, lines[0] + more, "'rota validate' lists everything")], None
    found = f"{checked.fleet.name} is valid: {_declared(checked.fleet)}"
    of_gateway = check_gateway(checked.fleet, runs_here=gateway)
    return [Check("fleet", True, found), *of_gateway], checked


def _declared(fleet: Fleet) -> str:
    agents = ", ".join(fleet.agents) or "no agents"
    pipelines = ", ".join(fleet.pipelines)
    return f"{agents}; pipelines: {pipelines}" if pipelines else agents


def _check_outside(checked: CheckedFleet, status: Status) -> list[Check]:
    """Ask providers and connections; on a terminal, tell meanwhile what is waited for."""

    def told(waiting: Sequence[str]) -> None:
        more = len(waiting) - _NAMED
        names = ", ".join(waiting[:_NAMED]) + (f" and {more} more" if more > 0 else "")
        status.update(f"asking {escape(names)}")

    return asyncio.run(check_outside(checked, told))


async def _check_first(link: Link, fix: bool) -> list[Check]:
    """What must be well before the first worker starts."""
    client = link.client
    return [
        await check_server(client, link.address),
        *(await _mend(link) if fix else []),
        await check_retention(client),
        await check_attributes(client),
        await check_store(link.store),
    ]


async def _check(
    link: Link, checked: CheckedFleet | None, fix: bool, stopped: tuple[str, ...]
) -> list[Check]:
    client, queue = link.client, link.settings.task_queue
    checks = [
        *await _check_first(link, fix),
        *await check_workers(client, queue),
        *filter(None, [await check_builds(client, queue)]),
    ]
    if checked is not None:
        served = all(check.ok for check in checks if check.name in ("keepers", "build"))
        try:
            async for found in _check_fleet(link, checked.fleet):
                checks += found
            if served:
                checks += await check_unstopped(client, checked.fleet, fix=fix, known=stopped)
                checks += await check_notifiers(client, checked.fleet, queue)
        except KeyNeededError as error:
            checks.append(Check("encryption", False, str(error), KEY_CURE))
    return checks


async def _check_fleet(link: Link, fleet: Fleet) -> AsyncGenerator[list[Check]]:
    client, queue = link.client, link.settings.task_queue
    yield [await check_drift(client, link.store, fleet, queue)]
    yield await check_runtime_queues(client, fleet)
    yield await check_breakers(client, fleet)
    yield await check_watchdog(client, fleet, now())


async def _mend(link: Link) -> list[Check]:
    try:
        await prepare_namespace(link.client, RETENTION)
    except RPCError as error:
        cure = "ask the namespace's administrator to do it"
        return [Check("fix", False, f"the server refused: {error.message}", cure)]
    return []


def _show(checks: list[Check]) -> None:
    made = table("", "CHECK", "FOUND")
    for check in checks:
        mark = Text("ok", "green") if check.ok else Text("no", "red")
        cure = Text(f"\n→ {check.cure}" if check.cure else "", "yellow")
        made.add_row(mark, Text(check.name), Text(check.found).append_text(cure))
    print_table(made)
