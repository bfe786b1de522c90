"""`rota pause` and `rota resume`: the schedule of an agent or pipeline stopped by hand."""

import getpass
from collections.abc import Awaitable, Callable

import click
from temporalio.client import Client

from schedules.toggle import pause, resume
from workers.cli.agents import require_agent
from workers.cli.command_error import CommandError
from workers.cli.exit_codes import ExitCode
from workers.cli.options import command, server_options
from workers.cli.output import print_json
from workers.cli.server import Link, with_server
from workers.settings import Settings

_SHAPE = "{agent, paused, note}"
Toggle = Callable[[Client, str, str], Awaitable[None]]


@command("pause", example="rota pause report --note 'bank feed is down'", json=_SHAPE)
@server_options
@click.argument("agent")
@click.option("--note", help="Why; shown in the Temporal UI. Default: who did it.")
def pause_command(settings: Settings, agent: str, note: str | None, as_json: bool) -> None:
    """Stop the schedule of an agent or pipeline from starting runs.

    Runs in progress go on, 'rota run' still works. The files still say otherwise: 'rota
    drift' reports it and 'rota apply' ends it; to keep it, write paused: true.
    """
    _toggle(settings, agent, note or f"paused by {_who()}", True, as_json)


@command("resume", example="rota resume report", json=_SHAPE)
@server_options
@click.argument("agent")
@click.option("--note", help="Why; shown in the Temporal UI. Default: who did it.")
def resume_command(settings: Settings, agent: str, note: str | None, as_json: bool) -> None:
    """Let a paused schedule start runs again."""
    _toggle(settings, agent, note or f"resumed by {_who()}", False, as_json)


def _toggle(settings: Settings, agent: str, note: str, paused: bool, as_json: bool) -> None:
    change: Toggle = pause if paused else resume

    async def work(link: Link) -> None:
        try:
            await change(link.client, agent, note)
        except LookupError as error:
            await require_agent(link.client, agent)
            raise CommandError(str(error), ExitCode.NOT_FOUND) from error

    with_server(settings, work)
    if as_json:
        print_json({"agent": agent, "paused": paused, "note": note})
    else:
        click.echo(f"{agent} is {'paused' if paused else 'on its schedule again'}")


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A container's user id without a name.
        return "rota"
