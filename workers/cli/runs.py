"""`rota runs`: what ran, read from visibility, so it works without a worker."""

import click
from rich.text import Text

from rota.list_query import quoted
from rota.runs import RunStatus
from rota.usage import Usage, format_cost
from workers.cli.agents import require_agent
from workers.cli.any_run import AnyView, describe_run, listed_view
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
from workers.cli.pipeline_view import PIPELINE_RUN_TYPE, PipelineView
from workers.cli.run_view import RUN_TYPE, RunView
from workers.cli.server import Link, with_server
from workers.settings import Settings


@command(
    "runs",
    example=(
        "rota runs",
        "rota runs report --status failed --limit 5",
        "rota runs --pipeline morning-report",
        "rota runs --root morning-report-2026-11-23T05:00:00Z",
    ),
    json="[run], newest first; run = {run_id, agent, status, trigger, slot, covers, session, "
    "reason, category, turns, tool_calls, usage, started, ended, seconds, …}; of a pipeline "
    "{run_id, pipeline, status, trigger, slot, nodes, …}",
)
@server_options
@click.argument("name", metavar="[AGENT|PIPELINE]", required=False)
@click.option("--status", type=click.Choice([status.value for status in RunStatus]))
@click.option("--pipeline", help="Runs of this pipeline and of its nodes.")
@click.option("--root", metavar="RUN", help="What began with this run: itself, and all below it.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 10_000))
def runs_command(
    settings: Settings,
    name: str | None,
    status: str | None,
    pipeline: str | None,
    root: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """List runs, newest first.

    Costs and counts of a run in progress are known when it ends. A pipeline's run costs what all
    its nodes do, whose runs are listed with their own.
    """
    query = _query(name, status, pipeline, root)

    async def read(link: Link) -> list[AnyView]:
        listed = link.client.list_workflows(query, limit=limit)
        views = [await listed_view(run) async for run in listed]
        if not views:
            await _require(link, name, pipeline, root)
        return views

    views = with_server(settings, read)
    if as_json:
        print_json([view.document for view in views])
    elif not views:
        asked = (name, pipeline, root)
        of = ", ".join(text for text in asked if text)
        remark("no runs" + (f" of {of}" if of else "") + (f" {status}" if status else ""))
    else:
        show_runs(views)


async def _require(link: Link, name: str | None, pipeline: str | None, root: str | None) -> None:
    """Make sure that what was asked for is, or was: nothing of it was listed.

    Raises:
        CommandError: it never was, exit code 4.
    """
    if root is not None:
        await describe_run(link.client, root)
    if (known := name or pipeline) is None:
        return
    # What is declared no more may have run, if not with the status asked for.
    ran = link.client.list_workflows(_query(name, None, pipeline, None), limit=1)
    async for _ in ran:
        return
    await require_agent(link.client, known)


def _query(name: str | None, status: str | None, pipeline: str | None, root: str | None) -> str:
    # A run that continued as new is listed once, as its newest execution.
    parts = [
        f"WorkflowType IN ('{RUN_TYPE}', '{PIPELINE_RUN_TYPE}')",
        "ExecutionStatus != 'ContinuedAsNew'",
    ]
    if name is not None:
        # A pipeline's run that was turned away has its pipeline's name alone.
        own = f"(WorkflowType = '{PIPELINE_RUN_TYPE}' AND RotaPipeline = {quoted(name)})"
        parts.append(f"(RotaAgent = {quoted(name)} OR {own})")
    filters = {"RotaStatus": status, "RotaPipeline": pipeline, "RotaRoot": root}
    parts += [f"{key} = {quoted(value)}" for key, value in filters.items() if value is not None]
    return " AND ".join(parts)


def show_runs(views: list[AnyView]) -> None:
    """Print runs: what and when; what it came to, what it took; and what cannot be read."""
    right = ("TURNS\ntools", "TOKENS\ncost")
    made = table("RUN\nstarted", "STATUS\ntrigger", *right, "TOOK", right=(*right, "TOOK"))
    for view in views:
        result = view.result
        status = Text.from_markup(styled(result.status.value))
        made.add_row(
            Text(result.run_id).append(f"\n{format_time(view.started)}{_slot(view)}", "dim"),
            status.append(f"\n{result.trigger.value}{_runtime(view)}", "dim"),
            *_counts(view),
            Text(format_took(view.took)),
        )
    print_table(made)
    for why in dict.fromkeys(view.unread for view in views if view.unread):
        remark(f"not all can be read here: {why}")


def _counts(view: AnyView) -> tuple[Text, Text]:
    if isinstance(view, PipelineView):
        nodes = len(view.result.nodes)
        named = Text(f"{nodes} node{'' if nodes == 1 else 's'}" if nodes else "-")
        is_known = view.ended and not view.unread
        return named, _used(view.result.usage) if is_known else Text("-")
    if not view.has_counted:
        return Text("-"), Text("-")
    result = view.result
    return Text(f"{result.turns}\n{result.tool_calls}"), _used(result.usage)


def _used(usage: Usage) -> Text:
    unknown = "\n+ unknown" if usage.unknown_attempts else ""
    return Text(f"{usage.tokens:,}\n{format_cost(usage.cost_micros)}{unknown}")


def _runtime(view: AnyView) -> str:
    """The runtime that a run had come to at its end: a fallback, if one took over."""
    runtime = view.result.runtime if isinstance(view, RunView) else ""
    return f" · {runtime}" if runtime else ""


def _slot(view: AnyView) -> str:
    """The slot, unless the id says it, and since when an agent's run covers."""
    slot, text = view.result.slot, ""
    if slot is not None and not view.result.run_id.endswith(format_time(slot)):
        text += f"\nslot {format_time(slot)}"
    covers = view.result.covers if isinstance(view, RunView) else None
    if covers is not None and covers.start is not None:
        text += f"\ncovers since {format_time(covers.start)}"
    return text
