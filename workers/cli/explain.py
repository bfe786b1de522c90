"""`rota explain`: why a slot ran, or did not."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import click
from rich.markup import escape
from temporalio.service import RPCError

from activities.server_errors import is_missing
from rota.ids import format_slot, keeper_id, parse_slot
from rota.keepers.state import KeeperState
from rota.notices.receipts import Receipt
from rota.runs import EARLIEST, LATEST
from rota.truths import Truths, truths_of_entry, truths_of_no_run
from schedules.entry_reasons import Reason, ReasonKind
from schedules.explaining import Explanation, explain_slot
from schedules.slot_facts import SlotFacts, read_facts
from workers.cli.agents import require_agent
from workers.cli.any_run import listed_view
from workers.cli.command_error import CommandError
from workers.cli.exit_codes import ExitCode
from workers.cli.options import command, server_options
from workers.cli.output import console, now, print_json, styled
from workers.cli.server import Link, with_server
from workers.cli.standing import ask_state
from workers.cli.truths import first_run_id, truths_by
from workers.cli.waits import Wait, waits_of
from workers.settings import Settings


@command(
    "explain",
    example=("rota explain report 2026-11-22T06:00:00Z", "rota explain morning-report SLOT --json"),
    json="{agent, slot, outcome, verdict: {slot, state, reason, run, status, at, into, concluded, "
    "version}, run_id, chain: [{kind, text, slot, run_id, at}], entries: [ledger entry], "
    "truths: {fired, admitted, executed, verified, announced: {state, at}}, told: [{channel, told, "
    "at, reason}]}",
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

    async def read(link: Link) -> _Told:
        state = await ask_state(link, keeper_id(name), KeeperState)
        if state is None:
            await require_agent(link.client, name)
            # It was declared between the two questions.
            state = await ask_state(link, keeper_id(name), KeeperState) or KeeperState()
        facts = await read_facts(link.client, link.store, name, at, state, now())
        return await _told(link, facts, explain_slot(facts))

    told = with_server(settings, read)
    if as_json:
        print_json(told.document)
    else:
        _print(told)


@dataclass(frozen=True)
class _Told:
    explanation: Explanation
    truths: Truths
    receipts: list[Receipt]

    @property
    def document(self) -> dict[str, Any]:
        return {
            **self.explanation.document,
            "truths": self.truths.model_dump(mode="json"),
            "told": [each.model_dump(mode="json") for each in self.receipts],
        }


async def _told(link: Link, facts: SlotFacts, explanation: Explanation) -> _Told:
    """Add what the run itself knows that settled the slot, or works for it, if there is one."""
    entry = next(
        (each for each in facts.entries if each.run and each.run.id == explanation.run_id), None
    )
    if entry is None or entry.run is None:
        return _Told(explanation, truths_of_no_run(facts.verdict), [])
    try:
        described = await link.client.get_workflow_handle(entry.run.id).describe()
    except RPCError as error:
        if not is_missing(error):
            raise
        described = None
    if described is None or first_run_id(described) != entry.run.key:
        # Past its retention: the ledger alone remembers it.
        return _Told(explanation, truths_of_entry(entry), [])
    waits = await waits_of(link.client, entry.run.id, entry.run.key, facts.now)
    view, queue = await listed_view(described), described.task_queue
    truths = await truths_by(link, view, facts.state, entry.run.key, queue, entry)
    return _Told(_with_waits(explanation, entry.run.id, waits), *truths)


def _with_waits(explanation: Explanation, run_id: str, waits: list[Wait]) -> Explanation:
    """Put what a run waited for between its start and its end."""
    chain: list[Reason] = []
    for reason in explanation.chain:
        chain.append(reason)
        if reason.kind is ReasonKind.STARTED and reason.run_id == run_id:
            waited = ReasonKind.WAITED
            chain += [
                Reason(waited, wait.sentence, reason.slot, run_id, wait.since) for wait in waits
            ]
    return replace(explanation, chain=tuple(chain))


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


def _print(told: _Told) -> None:
    explanation, out = told.explanation, console()
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
    for receipt in told.receipts:
        out.print(escape(receipt.line))
    out.print(f"truths: {told.truths.line}")
