"""`rota run`: one run now, of an agent or a pipeline."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import click
from pydantic import ValidationError
from temporalio.client import WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from rota.ids import format_slot, manual_run_id, parse_slot
from rota.pipelines.run import PipelineRunInput
from rota.runs import AgentRunInput, Trigger
from schedules.explain import explain
from workers.cli.agents import InForce, require_agent
from workers.cli.any_run import AnyView
from workers.cli.command_error import CommandError
from workers.cli.exit_codes import ExitCode
from workers.cli.keyed_start import keyed_run, start_keyed
from workers.cli.options import command, server_options, wait_option
from workers.cli.output import now, print_json, remark
from workers.cli.person import by_option, me
from workers.cli.pipeline_view import PIPELINE_RUN_TYPE
from workers.cli.report import print_report
from workers.cli.run_input import input_option, read_input
from workers.cli.run_view import GOOD, RUN_TYPE
from workers.cli.server import Link, with_server
from workers.cli.waiting import detached, wait_for
from workers.settings import Settings


@dataclass(frozen=True)
class _Started:
    run_id: str
    kind: str
    view: AnyView | None
    """None: nobody waited."""


@command(
    "run",
    example=(
        "rota run report",
        "rota run report --input account=DE12 --input '{\"days\": 3}' --follow",
        "rota run report --slot 2026-11-22T06:00:00Z --no-wait",
        "rota run morning-report",
    ),
    json="the run as in 'rota runs', with its output; with --no-wait {run_id, agent}, of a "
    "pipeline {run_id, pipeline}",
)
@server_options
@click.argument("name", metavar="AGENT|PIPELINE")
@input_option("Overrides keys of the declared input. May be repeated; @- reads stdin.")
@click.option(
    "--slot", metavar="TIME", help="Work for this slot, for example 2026-11-22T06:00:00Z."
)
@click.option(
    "--id", "run_id", help="Id of the run. Default: NAME-manual-TIME-TOKEN, or by its key."
)
@by_option("Who asks for the run.")
@wait_option
@click.option("--follow", is_flag=True, help="Print each step while waiting.")
def run_command(
    settings: Settings,
    name: str,
    inputs: tuple[str, ...],
    slot: str | None,
    run_id: str | None,
    by: str | None,
    wait: bool,
    follow: bool,
    as_json: bool,
) -> None:
    """Run an agent or a pipeline now and show its result.

    Of an agent with 'dedupe', all who ask for the same key get one run and its result, also if
    it has ended already. Ends with 1 if the run failed, was blocked, was cancelled or ran out of
    time. Ctrl-C stops waiting; the run itself goes on.
    """
    request = _request(name, inputs, slot, me() if by is None else by)
    begun: list[str] = []

    async def work(link: Link) -> _Started:
        declared = await require_agent(link.client, name)
        handle, told = await _start(link, declared, request, run_id)
        begun.append(handle.id)
        if wait:
            remark(told)
        view = await wait_for(link, handle, follow=follow) if wait else None
        return _Started(handle.id, declared.kind, view)

    try:
        started = with_server(settings, work)
    except KeyboardInterrupt:
        if not begun:
            raise
        raise detached(begun[0]) from None
    if started.view is None:
        document = {"run_id": started.run_id, started.kind.lower(): name}
        print_json(document) if as_json else click.echo(started.run_id)
        return
    print_json(started.view.document) if as_json else print_report(started.view)
    if started.view.result.status not in GOOD:
        raise click.exceptions.Exit(ExitCode.FAILED)


def _request(name: str, inputs: tuple[str, ...], slot: str | None, by: str) -> AgentRunInput:
    """Check what was typed before anything is asked of a server."""
    try:
        return AgentRunInput(
            agent=name,
            input=read_input(inputs),
            slot=_come(slot) if slot else None,
            trigger=Trigger.MANUAL,
            by=by,
        )
    except ValidationError as error:
        text = "\n".join(finding.message for finding in explain(error, AgentRunInput))
        raise CommandError(text, ExitCode.WRONG) from error
    except ValueError as error:
        raise CommandError(f"--slot: {error}", ExitCode.WRONG) from error


def _come(slot: str) -> datetime:
    """Read a slot whose time has come: one run early would be taken for done by its schedule."""
    at = parse_slot(slot)
    if at > now():
        raise ValueError(f"{format_slot(at)} lies in the future; name a slot that has come")
    return at


async def _start(
    link: Link, declared: InForce, request: AgentRunInput, run_id: str | None
) -> tuple[WorkflowHandle[Any, Any], str]:
    occasion = format_slot(request.slot) if request.slot else "by hand"
    summary = f"{request.agent} · {occasion}"
    pipeline = declared.kind == "Pipeline"
    if run_id is None and not pipeline:
        keyed = await keyed_run(link, declared.digest, request)
        if keyed is not None:
            return await start_keyed(link, keyed, request, summary)
    run_id = run_id or manual_run_id(request.agent, now(), secrets.token_hex(2))
    try:
        handle: WorkflowHandle[Any, Any] = await link.client.start_workflow(
            PIPELINE_RUN_TYPE if pipeline else RUN_TYPE,
            _of_pipeline(request) if pipeline else request,
            id=run_id,
            task_queue=link.settings.task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            static_summary=summary,
        )
    except WorkflowAlreadyStartedError:
        raise CommandError(
            f"a run '{run_id}' exists already: 'rota show {run_id}' shows it; choose another --id"
        ) from None
    return handle, f"started {run_id}"


def _of_pipeline(request: AgentRunInput) -> PipelineRunInput:
    return PipelineRunInput(
        pipeline=request.agent,
        input=request.input,
        slot=request.slot,
        trigger=request.trigger,
        by=request.by,
    )
