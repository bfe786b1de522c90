"""`rota watch`: a run, step by step, or node by node, until it ends."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import click
from temporalio.client import WorkflowExecution

from rota.runs import RunStatus
from workers.cli.agents import require_agent
from workers.cli.any_run import AnyView, final_view
from workers.cli.exit_codes import ExitCode
from workers.cli.options import command, server_options
from workers.cli.output import format_time, now, print_json, remark
from workers.cli.pending import tell_progress
from workers.cli.pipeline_view import PIPELINE_RUN_TYPE
from workers.cli.progress import changes_of, no_worker, no_worker_remark
from workers.cli.report import print_report
from workers.cli.run_view import GOOD, RUN_TYPE
from workers.cli.server import Link, with_server
from workers.cli.steps import StepLine
from workers.cli.waiting import detached
from workers.settings import Settings

LOOK_AGAIN_SECONDS = 0.5
RECENT = timedelta(seconds=10)
"""`--agent` takes a run that ended this recently rather than wait for the next one."""


@command(
    "watch",
    example=("rota watch report-2026-11-22T06:00:00Z", "rota watch --agent report"),
    json="at the end, the run as in 'rota show'",
)
@server_options
@click.argument("run_id", metavar="[RUN]", required=False)
@click.option(
    "--agent",
    metavar="AGENT|PIPELINE",
    help="Watch the run in progress of this agent or pipeline, or its next one.",
)
def watch_command(settings: Settings, run_id: str | None, agent: str | None, as_json: bool) -> None:
    """Follow a run, step by step, until it ends.

    Reads the history of an agent's run, so it works whatever the workers do; a pipeline's run
    is asked how its nodes stand. Ends with 1 if the run did not end well. Ctrl-C stops
    watching, not the run.
    """
    if (run_id is None) == (agent is None):
        raise click.UsageError("name a run, or an agent with --agent")
    watched: list[str] = []

    async def work(link: Link) -> AnyView:
        found = run_id or await _next_run(link, agent or "")
        lines = await changes_of(link.client, found)
        watched.append(found)
        return await _watch(link, found, lines, as_json)

    try:
        view = with_server(settings, work)
    except KeyboardInterrupt:
        if not watched:
            raise
        raise detached(watched[0], "watching") from None
    print_json(view.document) if as_json else print_report(view)
    if view.result.status not in GOOD:
        raise click.exceptions.Exit(ExitCode.FAILED)


async def _watch(link: Link, run_id: str, lines: AsyncIterator[StepLine], quiet: bool) -> AnyView:
    if await no_worker(link):
        remark(no_worker_remark(link))

    def say(line: StepLine) -> None:
        if not quiet:
            click.echo(f"{format_time(line.at)}  {line.text}")

    progress = asyncio.ensure_future(tell_progress(link.client, run_id, say))
    try:
        async for line in lines:
            say(line)
    finally:
        progress.cancel()
        await asyncio.gather(progress, return_exceptions=True)
    return await final_view(link.client, link.client.get_workflow_handle(run_id))


async def _next_run(link: Link, agent: str) -> str:
    await require_agent(link.client, agent)
    since = now() - RECENT
    told = False
    while True:
        found = await _newest(link, agent)
        if found is not None and (found.close_time is None or found.close_time >= since):
            remark(f"watching {found.id}")
            return found.id
        if not told:
            remark(f"{agent} has no run in progress: waiting for its next one")
            told = True
        await asyncio.sleep(LOOK_AGAIN_SECONDS)


async def _newest(link: Link, agent: str) -> WorkflowExecution | None:
    query = f"WorkflowType IN ('{RUN_TYPE}', '{PIPELINE_RUN_TYPE}') AND RotaAgent = '{agent}'"
    query += f" AND ExecutionStatus != 'ContinuedAsNew' AND RotaStatus != '{RunStatus.SKIPPED}'"
    async for execution in link.client.list_workflows(query, limit=1):
        return execution
    return None
