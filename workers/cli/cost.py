"""`rota cost`: what runs have cost, added up from the ledgers of the agents' keepers."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import click
from rich.text import Text

from activities.side_by_side import side_by_side
from rota.budgets import costs
from rota.budgets.costs import AgentLedger, Cost, Grouping
from rota.ids import KEEPER_PREFIX, keeper_id
from rota.keepers.state import KeeperState
from rota.language.durations import parse_duration
from rota.list_query import KEEPERS
from rota.schedule.calendars import zone_of
from rota.usage import format_cost
from schedules.ledgers import read_ledger
from workers.cli import roll_call
from workers.cli.accounts import account_of
from workers.cli.command_error import CommandError
from workers.cli.exit_codes import ExitCode
from workers.cli.options import command, server_options
from workers.cli.output import now, print_json, print_table, remark, table
from workers.cli.server import Link, with_server
from workers.cli.standing import ask_state
from workers.settings import Settings

UNNAMED = {Grouping.MODEL: "(no model told)", Grouping.TEAM: "(no team)"}
"""What the key "" is called."""


@dataclass(frozen=True)
class Since:
    """From when on runs count."""

    text: str
    day: date | None = None
    """From its beginning, in each agent's own zone."""
    at: datetime | None = None

    def start(self, timezone: str) -> datetime:
        """Return the first instant, for an agent that counts in that zone."""
        if self.day is not None:
            zone = zone_of(timezone)
            return datetime(self.day.year, self.day.month, self.day.day, tzinfo=zone)
        assert self.at is not None
        return self.at


def _since(ctx: click.Context, param: click.Parameter, value: str | None) -> Since | None:
    if value is None:
        return None
    try:
        return Since(value, day=date.fromisoformat(value))
    except ValueError:
        return Since(value, at=_ago(value))


def _ago(value: str) -> datetime:
    try:
        return now() - parse_duration(value)
    except (ValueError, OverflowError) as error:
        text = f"'{value}' is neither a date, such as 2026-11-01, nor a duration, such as 7d"
        raise click.BadParameter(text) from error


@command(
    "cost",
    example=("rota cost", "rota cost --by model --since 7d", "rota cost report --by run --json"),
    json="{by, since, groups: [{key, runs, micros, tokens, unpriced_runs, unknown_micros, "
    "unknown_tokens, unknown_attempts}], total: as a group, at_work, silent: [agent]}; money in "
    "micro-dollars",
)
@server_options
@click.argument("agent", required=False)
@click.option(
    "--by",
    type=click.Choice([each.value for each in Grouping]),
    help="What is added up together. Default: agent; of one agent, day.",
)
@click.option(
    "--since",
    metavar="7d|DATE",
    callback=_since,
    help="Runs admitted since then alone; a date begins in the agent's own time zone.",
)
def cost_command(
    settings: Settings, agent: str | None, by: str | None, since: Since | None, as_json: bool
) -> None:
    """Show what runs have cost: by agent, team, model, day or run.

    From the ledgers, each run once, with its own agent. What has no price is counted apart, and
    so is what lost attempts may have cost. A run at work counts when it ends.
    """
    grouping = Grouping(by) if by else Grouping.DAY if agent else Grouping.AGENT
    ledgers, silent = with_server(settings, lambda link: _read(link, agent, since))
    if since is not None:
        ledgers = [costs.since(each, since.start(each.timezone)) for each in ledgers]
    groups = _in_order(costs.grouped(ledgers, grouping), grouping, ledgers)
    total, at_work = costs.total(ledgers), costs.at_work(ledgers)
    if as_json:
        document = {
            "by": grouping.value,
            "since": since.text if since else None,
            "groups": [{"key": key, **cost.model_dump()} for key, cost in groups],
            "total": total.model_dump(),
            "at_work": at_work,
            "silent": silent,
        }
        print_json(document)
        return
    if groups:
        _print(grouping, groups, total)
    else:
        remark("no runs" + (f" of {agent}" if agent else "") + (" since then" if since else ""))
    if at_work:
        remark(f"{at_work} at work, whose cost is not counted yet")
    if silent:
        remark(f"no worker answers for {', '.join(silent)}: not counted")


async def _read(
    link: Link, agent: str | None, since: Since | None
) -> tuple[list[AgentLedger], list[str]]:
    """Return the ledgers, as far back as is asked for, and the agents whose keeper did not answer.

    Raises:
        CommandError: there is no such agent; exit code 4.
        NoWorkerError: no keeper answered.
    """

    async def ledger(name: str, state: KeeperState) -> AgentLedger:
        begin = since.start(state.account.timezone) if since else None
        return await read_ledger(link.store, name, state, begin)

    if agent is not None:
        state = await ask_state(link, keeper_id(agent), KeeperState)
        if state is None:
            await account_of(link, agent, None)  # says which names there are
            raise CommandError(f"no agent '{agent}'", ExitCode.NOT_FOUND)
        return ([await ledger(agent, state)], [])
    names = await roll_call.open_names(link.client, KEEPERS, KEEPER_PREFIX)
    states = await roll_call.states_of(link, KEEPER_PREFIX, names, KeeperState)
    roll_call.require_any(link, states.values())
    answered = [(name, state) for name, state in states.items() if state is not None]
    ledgers = await side_by_side(answered, lambda each: ledger(*each))
    return ledgers, [name for name, state in states.items() if state is None]


def _in_order(
    groups: dict[str, Cost], by: Grouping, ledgers: list[AgentLedger]
) -> list[tuple[str, Cost]]:
    """Return the newest days and runs first, and of others the dearest."""
    if by is Grouping.RUN:
        began = {
            entry.run.id: entry.admitted_at
            for ledger in ledgers
            for entry in ledger.entries
            if entry.run is not None
        }
        return sorted(groups.items(), key=lambda group: began[group[0]], reverse=True)
    if by is Grouping.DAY:
        return sorted(groups.items(), reverse=True)
    return sorted(groups.items(), key=lambda group: (-group[1].micros, group[0]))


def _print(by: Grouping, groups: list[tuple[str, Cost]], total: Cost) -> None:
    right = ("RUNS", "COST", "UNPRICED", "UNKNOWN", "TOKENS")
    made = table(by.value.upper(), *right, right=right)
    for key, cost in groups:
        made.add_row(Text(key or UNNAMED.get(by, "-")), *_cells(cost))
    made.add_row(Text("total", "bold"), *_cells(total))
    print_table(made)


def _cells(cost: Cost) -> tuple[Any, ...]:
    lost = cost.unknown_attempts or cost.unknown_micros
    return (
        Text(str(cost.runs)),
        Text(format_cost(cost.micros)),
        Text(str(cost.unpriced_runs) if cost.unpriced_runs else "-"),
        Text(format_cost(cost.unknown_micros) if lost else "-"),
        Text(f"{cost.tokens:,}"),
    )
