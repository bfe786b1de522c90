"""`rota stop`: everything frozen and every run ended, in one command."""

from dataclasses import dataclass

import click

from rota.keepers.freeze import FreezeMode, FreezeRequest, FreezeScope
from schedules.freezes import Freezable, chosen, list_keepers
from workers.cli.command_error import CommandError
from workers.cli.exit_codes import ExitCode
from workers.cli.freezing import Changed, freeze_all
from workers.cli.options import command, server_options
from workers.cli.output import print_json
from workers.cli.person import by_option, deciding
from workers.cli.server import Link, with_server
from workers.cli.stopping import Stop, wait_for_ends
from workers.settings import Settings
from workers.stopping import open_runs

UNDO = "rota thaw --all"


@dataclass(frozen=True)
class _Reach:
    """What a stop is about."""

    keepers: list[Freezable]
    runs: list[str]


@command(
    "stop",
    example=("rota stop --all", "rota stop --all --confirm --reason 'key leaked'"),
    json="{confirmed, agents: [as in 'rota freeze'], runs: {asked, open: [run]}, unstopped: "
    "[{name, ok, found, cure}]}; without --confirm {agents: [name], runs: [run]}",
)
@server_options
@click.option("--all", "every", is_flag=True, help="Of all fleets in the namespace; needed.")
@click.option("--confirm", is_flag=True, help="Do it; without, it only says what it would do.")
@click.option("--reason", default="stopped", show_default=True, help="Why.")
@by_option("Who stops it.")
@click.option("--timeout", default=60.0, show_default=True, help="Seconds to wait for the ends.")
def stop_command(
    settings: Settings,
    every: bool,
    confirm: bool,
    reason: str,
    by: str | None,
    timeout: float,
    as_json: bool,
) -> None:
    """Stop everything: nothing new starts, and every run is cancelled.

    All agents and pipelines of the namespace are frozen, whichever fleet declares them, and
    every run is cancelled. Waits until the runs have ended and providers have confirmed that
    their work has stopped; ends with 1, and lists it, if something is not confirmed. 'rota thaw
    --all' lets runs start again; Ctrl-C leaves everything frozen.
    """
    if not every:
        raise click.UsageError("it stops everything in the namespace: say --all")
    who = deciding(by)
    if not confirm:
        _would(settings, as_json)
        return
    request = FreezeRequest(
        reason=reason[:500] or "stopped",
        by=who[:200],
        mode=FreezeMode.CANCEL,
        scope=FreezeScope.ALL,
    )
    changed = _freeze(settings, request)
    many = sum(each.change is not None for each in changed)
    frozen = f"{many} agents and pipelines are frozen: nothing new starts"
    stop = wait_for_ends(settings, None, timeout, UNDO, frozen)
    _told(changed, stop, as_json)


def _would(settings: Settings, as_json: bool) -> None:
    async def look(link: Link) -> _Reach:
        keepers = chosen(await list_keepers(link.client), (), None)
        return _Reach(keepers, [run.id for run in await open_runs(link.client)])

    reach = with_server(settings, look)
    names = [keeper.name for keeper in reach.keepers]
    if as_json:
        print_json({"agents": names, "runs": reach.runs})
    else:
        click.echo(f"would freeze {len(names)} agents and pipelines: {', '.join(names) or 'none'}")
        click.echo(f"would cancel {len(reach.runs)} runs: {', '.join(reach.runs) or 'none'}")
    raise CommandError("nothing was done: repeat it with --confirm", ExitCode.WRONG)


def _freeze(settings: Settings, request: FreezeRequest) -> list[Changed]:
    async def work(link: Link) -> list[Changed]:
        return await freeze_all(link, chosen(await list_keepers(link.client), (), None), request)

    try:
        return with_server(settings, work)
    except KeyboardInterrupt:
        raise CommandError(
            "interrupted while freezing: 'rota freeze --list' shows what is frozen, and stays "
            f"so; the same command again goes on with it, '{UNDO}' lets runs start again",
            ExitCode.INTERRUPTED,
        ) from None


def _told(changed: list[Changed], stop: Stop, as_json: bool) -> None:
    problems = [each.problem for each in changed if each.problem]
    if as_json:
        document = stop.document
        document["confirmed"] = stop.confirmed and not problems
        print_json({**document, "agents": [each.document for each in changed]})
    else:
        stop.show()
        click.echo(f"'{UNDO}' lets runs start again")
    if problems:
        raise CommandError("\n".join(problems))
    if not stop.confirmed:
        raise click.exceptions.Exit(ExitCode.FAILED)
