"""`rota run`: one run now, under an id of its own."""

import asyncio
import secrets
from typing import Any

import click
from pydantic import ValidationError
from temporalio.client import WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from rota.ids import format_slot, manual_run_id, parse_slot
from rota.runs import AgentRunInput, Trigger
from schedules.explain import explain
from workers.cli.agents import require_agent
from workers.cli.command_error import CommandError
from workers.cli.exit_codes import ExitCode
from workers.cli.options import command, server_options
from workers.cli.output import now, print_json, remark
from workers.cli.progress import show_progress, show_steps
from workers.cli.report import print_report
from workers.cli.run_input import read_input
from workers.cli.run_view import GOOD, RUN_TYPE, RunView, final_view
from workers.cli.server import Link, with_server
from workers.settings import Settings


@command(
    "run",
    example=(
        "rota run report",
        "rota run report --input account=DE12 --input '{\"days\": 3}' --follow",
        "rota run report --slot 2026-11-22T06:00:00Z --no-wait",
    ),
    json="the run as in 'rota runs', with its output; with --no-wait {run_id, agent}",
)
@server_options
@click.argument("agent")
@click.option(
    "--input",
    "inputs",
    multiple=True,
    metavar="JSON|@FILE|KEY=VALUE",
    help="Overrides keys of the declared input. May be repeated; @- reads stdin.",
)
@click.option(
    "--slot", metavar="TIME", help="Work for this slot, for example 2026-11-22T06:00:00Z."
)
@click.option("--id", "run_id", help="Id of the run. Default: AGENT-manual-TIME-TOKEN.")
@click.option("--wait/--no-wait", default=True, show_default=True, help="Wait for the end.")
@click.option("--follow", is_flag=True, help="Print each step while waiting.")
def run_command(
    settings: Settings,
    agent: str,
    inputs: tuple[str, ...],
    slot: str | None,
    run_id: str | None,
    wait: bool,
    follow: bool,
    as_json: bool,
) -> None:
    """Run an agent now and show its result.

    Ends with 1 if the run failed, was blocked, was cancelled or ran out of time. Ctrl-C
    stops waiting; the run itself goes on.
    """
    run_id = run_id or manual_run_id(agent, now(), secrets.token_hex(2))
    try:
        request = AgentRunInput(
            agent=agent,
            input=read_input(inputs),
            slot=parse_slot(slot) if slot else None,
            trigger=Trigger.MANUAL,
        )
    except ValidationError as error:
        text = "\n".join(finding.message for finding in explain(error, AgentRunInput))
        raise CommandError(text, ExitCode.WRONG) from error
    except ValueError as error:
        raise CommandError(f"--slot: {error}", ExitCode.WRONG) from error
    try:
        view = with_server(settings, lambda link: _run(link, request, run_id, wait, follow))
    except KeyboardInterrupt:
        raise CommandError(
            f"no longer waiting; {run_id} goes on: 'rota watch {run_id}' follows it, "
            f"'rota cancel {run_id}' ends it",
            ExitCode.INTERRUPTED,
        ) from None
    if view is None:
        print_json({"run_id": run_id, "agent": agent}) if as_json else click.echo(run_id)
        return
    print_json(view.document) if as_json else print_report(view)
    if view.result.status not in GOOD:
        raise click.exceptions.Exit(ExitCode.FAILED)


async def _run(
    link: Link, request: AgentRunInput, run_id: str, wait: bool, follow: bool
) -> RunView | None:
    await require_agent(link.client, request.agent)
    occasion = format_slot(request.slot) if request.slot else "by hand"
    try:
        handle: WorkflowHandle[Any, Any] = await link.client.start_workflow(
            RUN_TYPE,
            request,
            id=run_id,
            task_queue=link.settings.task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            static_summary=f"{request.agent} · {occasion}",
        )
    except WorkflowAlreadyStartedError:
        raise CommandError(
            f"a run '{run_id}' exists already: 'rota show {run_id}' shows it; choose another --id"
        ) from None
    if not wait:
        return None
    remark(f"started {run_id}")
    shown = show_steps(link, run_id) if follow else show_progress(link, handle)
    progress = asyncio.ensure_future(shown)
    try:
        return await final_view(link.client, handle)
    finally:
        if follow and not asyncio.current_task().cancelling():  # pyright: ignore[reportOptionalMemberAccess]
            await asyncio.wait({progress}, timeout=5)
        progress.cancel()
        await asyncio.gather(progress, return_exceptions=True)
