"""`rota missed`: slots that were expected and have no success, with the reason of each."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import click
from rich.text import Text

from activities.side_by_side import side_by_side
from activities.slot_evidence import read_evidence
from rota.expected.missed import Account, Missed, TooManySlotsError, account_of
from rota.ids import KEEPER_PREFIX, format_slot, keeper_id
from rota.keepers.state import KeeperState
from rota.list_query import KEEPERS
from workers.cli import roll_call
from workers.cli.agents import require_agent
from workers.cli.command_error import CommandError
from workers.cli.exit_codes import ExitCode
from workers.cli.options import command, server_options
from workers.cli.output import now, print_json, print_table, remark, table
from workers.cli.server import Link, with_server
from workers.cli.since import since_option
from workers.cli.standing import ask_state
from workers.settings import Settings

_LISTED = 5
"""Agents that are named in one line."""


@dataclass(frozen=True)
class _Report:
    accounts: dict[str, Account]
    silent: list[str]
    """Agents whose keeper did not answer."""

    @property
    def missed(self) -> list[Missed]:
        """Of all agents, in the order of the slots."""
        found = [each for account in self.accounts.values() for each in account.missed]
        return sorted(found, key=lambda each: (each.verdict.slot, each.agent))


@command(
    "missed",
    example=(
        "rota missed",
        "rota missed --since 7d --agent report",
        "rota missed --since 2026-11-22 --json",
    ),
    json="{since, agents: {name: {expected, succeeded, open, since}}, missed: [{agent, slot, "
    "state, reason, run, status, at, into, concluded, version, covered_by, excused}], "
    "silent: [agent]}",
)
@server_options
@since_option("Slots since then. Default: 24h.", default="24h")
@click.option("--agent", metavar="AGENT|PIPELINE", help="Of this one alone.")
@click.option("--uncovered", is_flag=True, help="Only those that no later success answers for.")
def missed_command(
    settings: Settings, since: datetime, agent: str | None, uncovered: bool, as_json: bool
) -> None:
    """List expected slots without a success, with the reason of each.

    Expected is what was declared at the time of the slot. Ends with 0 if there is none, or if
    each was held back by somebody (paused, frozen) or made good as declared (coalesced into a
    slot that succeeded); otherwise with 1.
    """
    report = with_server(settings, lambda link: _read(link, since, agent))
    missed = [each for each in report.missed if not (uncovered and each.covered_by)]
    if as_json:
        print_json(_document(report, missed, since))
    else:
        _print(report, missed, since)
    if any(not each.is_excused for each in missed):
        raise click.exceptions.Exit(ExitCode.FAILED)


async def _read(link: Link, since: datetime, agent: str | None) -> _Report:
    """Judge the slots of one agent, or of all that are declared.

    Raises:
        CommandError: there is no such agent (exit code 4), or there are too many slots.
        NoWorkerError: no keeper answered.
    """
    if agent is not None:
        state = await ask_state(link, keeper_id(agent), KeeperState)
        if state is None:
            await require_agent(link.client, agent)
        states: dict[str, KeeperState | None] = {agent: state or KeeperState()}
    else:
        names = await roll_call.open_names(link.client, KEEPERS, KEEPER_PREFIX)
        states = await roll_call.states_of(link, KEEPER_PREFIX, names, KeeperState)
        roll_call.require_any(link, states.values())

    async def judge(name: str) -> tuple[str, Account]:
        state, at = states[name] or KeeperState(), now()
        evidence = await read_evidence(link.client, link.store, name, state, since, at)
        try:
            return name, account_of(evidence, since, at)
        except TooManySlotsError as error:
            raise CommandError(str(error), ExitCode.WRONG) from error

    asked = [name for name, state in states.items() if state and _had_a_schedule(state)]
    accounts = await side_by_side(asked, judge)
    silent = [name for name, state in states.items() if state is None]
    return _Report(dict(accounts), silent)


def _had_a_schedule(state: KeeperState) -> bool:
    return any(each.schedule is not None for each in state.in_force.declared)


def _document(report: _Report, missed: list[Missed], since: datetime) -> dict[str, Any]:
    return {
        "since": format_slot(since),
        "agents": {
            name: {
                "expected": account.expected,
                "succeeded": account.succeeded,
                "open": account.open,
                "since": format_slot(account.since) if account.since else None,
            }
            for name, account in report.accounts.items()
        },
        "missed": [each.document for each in missed],
        "silent": report.silent,
    }


def _print(report: _Report, missed: list[Missed], since: datetime) -> None:
    if missed:
        made = table("SLOT", "AGENT", "WHY", "REASON", "COVERED BY")
        for each in missed:
            verdict, style = each.verdict, "dim" if each.is_excused else ""
            made.add_row(
                Text(format_slot(verdict.slot), style),
                Text(each.agent, style),
                Text(verdict.state.value, style or "red"),
                Text(verdict.reason, style),
                Text(each.covered_by or "-", style),
            )
        print_table(made)
    expected = sum(account.expected for account in report.accounts.values())
    succeeded = sum(account.succeeded for account in report.accounts.values())
    waits = sum(account.open for account in report.accounts.values())
    still = f", {waits} may still" if waits else ""
    remark(f"{expected} slots since {format_slot(since)}: {succeeded} succeeded{still}")
    later = [
        f"{name} from {format_slot(account.since)} on"
        for name, account in report.accounts.items()
        if account.since is not None and account.since > since
    ]
    if later:
        more = f" and {len(later) - _LISTED} more" if len(later) > _LISTED else ""
        remark(f"what was declared before is not known: judged {', '.join(later[:_LISTED])}{more}")
    if report.silent:
        remark(f"no worker answers for {', '.join(report.silent)}: not judged")
