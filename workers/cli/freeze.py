"""`rota freeze` and `rota thaw`: agents and pipelines that let nothing new start."""

import functools
from datetime import datetime
from typing import Any

import click
from rich.text import Text

from rota.ids import format_slot, parse_slot
from rota.keepers.freeze import FreezeMode, FreezeRequest
from rota.language.durations import parse_duration
from rota.runs import EARLIEST, LATEST
from schedules.freezes import Freezable, left_unjudged, list_keepers
from schedules.lost_slots import Lost
from workers.cli.command_error import CommandError
from workers.cli.exit_codes import ExitCode
from workers.cli.freezing import Changed, Chosen, freeze_all, selected, thaw_all
from workers.cli.options import Function, command, server_options
from workers.cli.output import format_time, now, print_json, print_table, remark, table
from workers.cli.person import by_option, deciding
from workers.cli.server import Link, with_server
from workers.cli.stopping import Stop, wait_for_ends
from workers.settings import Settings
from workers.stopping import open_runs

SHOWN = 5
"""Slots named in one line."""


def chosen_options(function: Function) -> Function:
    """Add the ways to say which agents, handed over as `chosen`."""

    @functools.wraps(function)
    def wrapper(names: tuple[str, ...], team: str | None, every: bool, **rest: Any) -> Any:
        return function(chosen=Chosen(names, team, every), **rest)

    optioned: Function = wrapper
    for option in (
        click.option("--all", "every", is_flag=True, help="All agents and pipelines there are."),
        click.option("--team", help="All agents and pipelines of this team."),
        click.argument("names", metavar="[AGENT|PIPELINE]...", nargs=-1),
    ):
        optioned = option(optioned)
    return optioned


@command(
    "freeze",
    example=(
        "rota freeze report --reason 'bank feed sends wrong balances'",
        "rota freeze --team finance --reason 'quarter end' --until 2026-12-01T06:00:00Z",
        "rota freeze report --reason 'wrong prompt' --cancel",
        "rota freeze --list",
    ),
    json="[{agent, kind, team, before, freeze: {reason, by, at, until, mode, scope, earlier} or "
    "null}]; with --cancel {agents: the same, runs: {asked, open}, unstopped: [check]}",
)
@server_options
@chosen_options
@click.option("--reason", help="Why: whoever is turned away reads it.")
@click.option(
    "--until",
    metavar="TIME",
    help="It ends by itself: a time such as 2026-12-01T06:00:00+01:00, or a duration: 4h.",
)
@click.option("--cancel", is_flag=True, help="Also cancel the runs at work, and wait for that.")
@by_option("Who freezes.")
@click.option("--timeout", default=60.0, show_default=True, help="With --cancel: seconds to wait.")
@click.option("--list", "listing", is_flag=True, help="Show what is frozen, and change nothing.")
def freeze_command(
    settings: Settings,
    chosen: Chosen,
    reason: str | None,
    until: str | None,
    cancel: bool,
    by: str | None,
    timeout: float,
    listing: bool,
    as_json: bool,
) -> None:
    """Let nothing new start: agents, a team, or all, until somebody thaws them.

    Runs at work go on to their end, with the handoffs and pipeline nodes they need; whoever
    waits for a turn, and backfills, wait for the thaw. Slots that come meanwhile are skipped,
    told by 'rota explain', not caught up on, and listed by 'rota thaw'. Schedules stay as they
    are. A further freeze never shortens the first.
    """
    if listing:
        _list(settings, as_json)
        return
    if not reason or not reason.strip():
        raise click.UsageError("say why: --reason TEXT")
    request = FreezeRequest(
        reason=reason[:500],
        by=deciding(by)[:200],
        until=_time(until) if until else None,
        mode=FreezeMode.CANCEL if cancel else FreezeMode.DRAIN,
        scope=chosen.scope,
    )

    changed = _freeze(settings, chosen, request)
    unanswered = [each for each in changed if each.problem]
    stop: Stop | None = None
    if not as_json:
        _tell(changed)
    if cancel:
        names = None if chosen.every else tuple(each.keeper.name for each in changed)
        stop = wait_for_ends(settings, names, timeout, " ".join(("rota thaw", *chosen.words)))
    if as_json:
        documents = [each.document for each in changed]
        print_json({"agents": documents, **stop.document} if stop else documents)
    elif stop is not None:
        stop.show()
    if unanswered:
        raise CommandError("\n".join(each.problem for each in unanswered), ExitCode.NO_SERVER)
    if stop is not None and not stop.confirmed:
        raise click.exceptions.Exit(ExitCode.FAILED)


@command(
    "thaw",
    example=("rota thaw report", "rota thaw --team finance", "rota thaw --all --json"),
    json="[{agent, kind, team, before, freeze: null, lost: [slot], turned_away, backfill}]",
)
@server_options
@chosen_options
@by_option("Who thaws.")
def thaw_command(settings: Settings, chosen: Chosen, by: str | None, as_json: bool) -> None:
    """Let frozen agents and pipelines start runs again.

    Whoever waited goes on. The slots that were lost are listed, with the command that runs
    them: by itself none is. Of an agent that is not frozen, those of its last freeze.
    """
    who = deciding(by)

    async def work(link: Link) -> list[Changed]:
        found = await selected(link.client, chosen)
        if not chosen.names:
            found = [keeper for keeper in found if keeper.freeze is not None]
        return await thaw_all(link, found, who)

    changed = with_server(settings, work)
    if as_json:
        print_json([each.document for each in changed])
    elif not changed:
        remark("nothing is frozen")
    else:
        _tell_thawed(changed)
    if problems := [each.problem for each in changed if each.problem]:
        raise CommandError("\n".join(problems), ExitCode.NO_SERVER)


def _freeze(settings: Settings, chosen: Chosen, request: FreezeRequest) -> list[Changed]:
    async def work(link: Link) -> list[Changed]:
        changed = await freeze_all(link, await selected(link.client, chosen), request)
        if request.mode is FreezeMode.DRAIN:
            left = await open_runs(link.client, [each.keeper.name for each in changed])
            if left:
                remark(f"open runs: {len(left)}; those at work go on to their end")
        frozen = [each.keeper.name for each in changed if each.change is not None]
        for line in left_unjudged(await list_keepers(link.client), frozen):
            remark(line)
        return changed

    return with_server(settings, work)


def _time(text: str) -> datetime:
    """Read a time, or a duration from now on."""
    try:
        return now() + parse_duration(text)
    except ValueError:
        pass  # then it is a time
    try:
        at = parse_slot(text)
    except (ValueError, OverflowError) as error:
        raise CommandError(f"--until: {error}; or write a duration, 4h", ExitCode.WRONG) from error
    if not EARLIEST <= at <= LATEST:
        raise CommandError(f"--until: '{text}' is not before {LATEST.year}", ExitCode.WRONG)
    return at


def _list(settings: Settings, as_json: bool) -> None:
    async def read(link: Link) -> list[Freezable]:
        return [each for each in await list_keepers(link.client) if each.freeze is not None]

    frozen = with_server(settings, read)
    if as_json:
        print_json([keeper.document for keeper in frozen])
    elif not frozen:
        remark("nothing is frozen")
    else:
        made = table("AGENT\nteam", "SINCE\nuntil", "BY", "REASON")
        for keeper in frozen:
            held = keeper.freeze
            assert held is not None
            reason = Text(held.reason)
            for line in held.earlier:
                reason.append(f"\nbefore: {line}", "dim")
            made.add_row(
                Text(keeper.name).append(f"\n{keeper.team}", "dim"),
                Text(format_time(held.at)).append(f"\n{format_time(held.until)}", "dim"),
                Text(held.by).append(f"\n{held.mode.value}", "dim"),
                reason,
            )
        print_table(made)


def _tell(changed: list[Changed]) -> None:
    for each in changed:
        change = each.change
        if change is None or change.after is None:
            continue
        before = f" (was {change.before.text})" if change.before else ""
        click.echo(f"{each.keeper.name} is {change.after.text}, {change.after.ends}{before}")


def _tell_thawed(changed: list[Changed]) -> None:
    for each in changed:
        change, name = each.change, each.keeper.name
        if change is None:
            continue
        if change.before is None:
            click.echo(f"{name} is not frozen")
        else:
            since = format_slot(change.before.at)
            click.echo(f"{name} is thawed; it was {change.before.text}, since {since}")
        if each.lost is not None:
            _tell_lost(each.lost)


def _tell_lost(lost: Lost) -> None:
    if lost.slots:
        named = ", ".join(format_slot(slot) for slot in lost.slots[:SHOWN])
        more = ", …" if len(lost.slots) > SHOWN else ""
        click.echo(f"    lost {len(lost.slots)}: {named}{more}")
        click.echo(f"    {lost.command}")
    if lost.others:
        click.echo(f"    turned away besides: {lost.others}, see 'rota runs {lost.name}'")
