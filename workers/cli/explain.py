"""`rota explain`: why a slot ran, or did not."""

from datetime import datetime

import click
from rich.markup import escape

from rota.ids import format_slot, keeper_id, parse_slot
from rota.keeper_state import KeeperState
from rota.runs import EARLIEST, LATEST
from schedules.entry_reasons import ReasonKind
from schedules.explaining import Explanation, explain_slot
from schedules.slot_facts import read_facts
from workers.cli.agents import require_agent
from workers.cli.command_error import CommandError
from workers.cli.exit_codes import ExitCode
from workers.cli.options import command, server_options
from workers.cli.output import console, now, print_json, styled
from workers.cli.server import Link, with_server
from workers.cli.standing import ask_state
from workers.settings import Settings


@command(
    "explain",
    example=("rota explain report 2026-11-22T06:00:00Z", "rota explain morning-report SLOT --json"),
    json="{agent, slot, outcome, verdict: {slot, state, reason, run, status, at, into, concluded, "
    "version}, run_id, chain: [{kind, text, slot, run_id, at}], entries: [ledger entry]}",
)
@server_options
@click.argument("name", metavar="AGENT|PIPELINE")
@click.argument("slot")
def explain_command(settings: Settings, name: str, slot: str, as_json: bool) -> None:
    """Say why a slot ran, or did not, as a chain of reasons.

    Asks the keeper's ledger, its older pages in the store, and the schedule. SLOT is a time
    such as 2026-11-22T06:00:00Z; any offset will do.
    """
    at = _slot(slot)

    async def read(link: Link) -> Explanation:
        state = await ask_state(link, keeper_id(name), KeeperState)
        if state is None:
            await require_agent(link.client, name)
            # It was declared between the two questions.
            state = await ask_state(link, keeper_id(name), KeeperState) or KeeperState()
        facts = await read_facts(link.client, link.store, name, at, state, now())
        return explain_slot(facts)

    explanation = with_server(settings, read)
    if as_json:
        print_json(explanation.document)
    else:
        _print(explanation)


def _slot(text: str) -> datetime:
    try:
        at = parse_slot(text).replace(microsecond=0)
    except (ValueError, OverflowError) as error:
        raise CommandError(str(error), ExitCode.WRONG) from error
    if not EARLIEST <= at <= LATEST:
        raise CommandError(
            f"'{text}' is not between {EARLIEST.year} and {LATEST.year}", ExitCode.WRONG
        )
    return at


def _print(explanation: Explanation) -> None:
    out = console()
    ran = explanation.outcome != "none"
    outcome = styled(explanation.outcome if ran else explanation.verdict.state.value)
    by = f" · {escape(explanation.run_id)}" if explanation.run_id else ""
    slot = format_slot(explanation.slot)
    out.print(f"[bold]{escape(explanation.name)}[/] · slot {slot} · {outcome}{by}")
    width = len(str(len(explanation.chain)))
    for number, reason in enumerate(explanation.chain, start=1):
        # Below the line that names it stands what became of another slot.
        other = reason.slot is not None and reason.kind is not ReasonKind.COALESCED
        out.print(f"{number:>{width}}. {'  ' * other}{escape(reason.text)}")
