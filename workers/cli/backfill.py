"""`rota backfill`: past slots of a schedule, run by the agent's keeper."""

import asyncio

import click

from activities.ledger_pages import read_pages
from rota.ids import format_slot, keeper_id
from rota.keepers.run_orders import Backfill
from rota.keepers.state import KeeperState
from schedules.backfill import (
    BackfillError,
    Choice,
    needs_pages,
    plan_slots,
    slots_in,
)
from schedules.backfill_request import in_progress, request_of, subject_of
from schedules.backfill_window import WindowError, window_of
from workers.cli.agents import require_agent
from workers.cli.backfill_progress import Asked, Carried, follow
from workers.cli.backfill_report import plan_document, print_carried, print_plan
from workers.cli.command_error import CommandError
from workers.cli.exit_codes import ExitCode
from workers.cli.options import command, server_options, wait_option
from workers.cli.output import now, print_json, remark
from workers.cli.person import me
from workers.cli.server import Link, with_server
from workers.cli.standing import ANSWER, ask_state
from workers.settings import Settings


@command(
    "backfill",
    example=(
        "rota backfill report --from 2026-11-01 --to 2026-11-08 --dry-run",
        "rota backfill report --from 2026-11-01 --to 2026-11-08 --max-parallel 4",
        "rota backfill report --from 2026-11-01T06:00:00+01:00 --to 2026-11-02 --only-missing",
    ),
    json="{agent, backfill: {id, total, succeeded, failed, skipped, …} or null, planned: "
    "[{slot, verdict, found, reason}], slots: [{slot, run_id, status, reason}]}",
)
@server_options
@click.argument("name", metavar="AGENT|PIPELINE")
@click.option("--from", "start", required=True, metavar="TIME", help="First day, or time.")
@click.option("--to", "end", required=True, metavar="TIME", help="Last day, or time; included.")
@click.option("--dry-run", is_flag=True, help="Show which slots would run, and run none.")
@click.option("--only-missing", is_flag=True, help="Leave out slots whose run failed.")
@click.option("--force", is_flag=True, help="Also run slots that have succeeded.")
@click.option(
    "--max-parallel",
    default=1,
    show_default=True,
    type=click.IntRange(1, 100),
    help="Slots at work at the same time; they begin in order.",
)
@wait_option
def backfill_command(
    settings: Settings,
    name: str,
    start: str,
    end: str,
    dry_run: bool,
    only_missing: bool,
    force: bool,
    max_parallel: int,
    wait: bool,
    as_json: bool,
) -> None:
    """Run past slots of a schedule: those that have not succeeded, oldest first.

    A date means the whole day in the schedule's zone. The keeper of the agent does the work:
    Ctrl-C stops watching, not the backfill, and the same command again follows it. Ends with 1
    if a slot's run failed.
    """
    if only_missing and force:
        raise click.UsageError("--only-missing leaves out what --force asks for: choose one")
    choice = Choice(only_missing=only_missing, force=force)

    async def plan(link: Link) -> Asked:
        return await _plan(link, name, start, end, choice)

    asked = with_server(settings, plan)
    if dry_run or not (asked.running or any(each.run for each in asked.planned)):
        print_json(plan_document(asked)) if as_json else print_plan(asked)
        return
    carried = _carry_out(settings, asked, max_parallel, wait)
    print_json({**plan_document(asked), **carried.document}) if as_json else print_carried(carried)
    if wait and carried.backfill.failed:
        raise click.exceptions.Exit(ExitCode.FAILED)


def _carry_out(settings: Settings, asked: Asked, max_parallel: int, wait: bool) -> Carried:
    begun: list[Backfill] = []

    async def carry_out(link: Link) -> Carried:
        backfill = asked.running or await _order(link, asked, max_parallel)
        begun.append(backfill)
        stands = "is at work already" if asked.running else "is begun"
        remark(f"the backfill of {backfill.total} slots {stands}")
        return await follow(link, asked, backfill, wait=wait)

    try:
        return with_server(settings, carry_out)
    except KeyboardInterrupt:
        if not begun:
            raise
        raise CommandError(
            f"no longer watching; the keeper of {asked.name} goes on with the backfill of "
            f"{begun[0].total} slots: the same command again follows it, 'rota runs {asked.name}' "
            "lists its runs",
            ExitCode.INTERRUPTED,
        ) from None


async def _plan(link: Link, name: str, start: str, end: str, choice: Choice) -> Asked:
    await require_agent(link.client, name)
    state = await ask_state(link, keeper_id(name), KeeperState)
    if state is None or state.spec is None:
        raise CommandError(f"{name} is not declared any more: run 'rota apply' first")
    spec, at = state.spec, now()
    try:
        window = window_of(start, end, spec.timezone)
        slots = slots_in(spec, window, at)
        entries = list(state.ledger.values())
        if needs_pages(state, slots):
            entries = [*await read_pages(link.store, state.pages), *entries]
        planned = plan_slots(state, spec, entries, slots, choice)
    except (WindowError, BackfillError) as error:
        raise CommandError(str(error), ExitCode.WRONG) from error
    if window.end > at:
        remark(f"slots after {format_slot(at)} are yet to come: the schedule will run them")
    subject = subject_of(name, slots, choice)
    running = in_progress(state, subject)
    return Asked(name, state, subject, tuple(planned), choice, running)


async def _order(link: Link, asked: Asked, max_parallel: int) -> Backfill:
    subject, planned, choice = asked.subject, asked.planned, asked.choice
    request = request_of(asked.state, subject, planned, choice, max_parallel, me())
    keeper = link.client.get_workflow_handle(keeper_id(asked.name))
    async with asyncio.timeout(ANSWER.total_seconds()):
        return await keeper.execute_update("backfill", request, result_type=Backfill)
