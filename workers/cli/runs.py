"""`rota runs`: what ran, read from visibility, so it works without a worker."""

import click
from rich.text import Text

from rota.runs import RunStatus
from rota.usage import format_cost
from workers.cli.agents import require_agent
from workers.cli.options import command, server_options
from workers.cli.output import (
    format_time,
    format_took,
    print_json,
    print_table,
    remark,
    styled,
    table,
)
from workers.cli.run_view import RUN_TYPE, RunView, view_of
from workers.cli.server import Link, with_server
from workers.settings import Settings


@command(
    "runs",
    example=("rota runs", "rota runs report --status failed --limit 5"),
    json="[run], newest first; run = {run_id, agent, status, trigger, slot, covers, session, "
    "reason, category, turns, tool_calls, usage, started, ended, seconds, …}",
)
@server_options
@click.argument("agent", required=False)
@click.option("--status", type=click.Choice([status.value for status in RunStatus]))
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 10_000))
def runs_command(
    settings: Settings, agent: str | None, status: str | None, limit: int, as_json: bool
) -> None:
    """List runs, newest first.

    Costs and counts of a run in progress are known when it ends.
    """
    views = with_server(settings, lambda link: _runs(link, agent, status, limit))
    if as_json:
        print_json([view.document for view in views])
    elif not views:
        remark("no runs" + (f" of {agent}" if agent else "") + (f" {status}" if status else ""))
    else:
        show_runs(views)


async def _runs(link: Link, agent: str | None, status: str | None, limit: int) -> list[RunView]:
    # A run that continued as new is listed once, as its newest execution.
    query = f"WorkflowType = '{RUN_TYPE}' AND ExecutionStatus != 'ContinuedAsNew'"
    if agent is not None:
        query += f" AND RotaAgent = '{agent.replace(chr(39), '')}'"
    if status is not None:
        query += f" AND RotaStatus = '{status}'"
    views = [await view_of(run) async for run in link.client.list_workflows(query, limit=limit)]
    if agent is not None and not views:
        await require_agent(link.client, agent)
    return views


def show_runs(views: list[RunView]) -> None:
    """Print runs: what and when; what it came to, what it took."""
    right = ("TURNS\ntools", "TOKENS\ncost")
    made = table("RUN\nstarted", "STATUS\ntrigger", *right, "TOOK", right=(*right, "TOOK"))
    for view in views:
        result = view.result
        status = Text.from_markup(styled(result.status.value))
        made.add_row(
            Text(result.run_id).append(f"\n{format_time(view.started)}{_slot(view)}", "dim"),
            status.append(f"\n{result.trigger.value}", "dim"),
            Text(f"{result.turns}\n{result.tool_calls}"),
            Text(f"{result.usage.tokens:,}\n{format_cost(result.usage.cost_micros)}"),
            Text(format_took(view.took)),
        )
    print_table(made)


def _slot(view: RunView) -> str:
    """The slot, unless the id says it, and since when the run covers."""
    slot, covers = view.result.slot, view.result.covers
    text = ""
    if slot is not None and not view.result.run_id.endswith(format_time(slot)):
        text += f"\nslot {format_time(slot)}"
    if covers is not None and covers.start is not None:
        text += f"\ncovers since {format_time(covers.start)}"
    return text
