"""`rota rerun`: a run again, of a pipeline without the nodes that have done their work."""

import re
from dataclasses import dataclass
from typing import Any

import click
from temporalio.client import WorkflowExecutionDescription, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from activities.documents import get_pipeline
from rota.pipelines.plan import PlanError
from rota.pipelines.run import PipelineRunInput
from rota.runs import AgentRunInput, RunStatus, Trigger
from schedules.rerun import RerunError, kept_from_failed, kept_from_node, rerun_lineage
from workers.cli.agents import require_agent
from workers.cli.any_run import AnyView, describe_run, is_pipeline
from workers.cli.command_error import CommandError
from workers.cli.exit_codes import ExitCode
from workers.cli.options import command, server_options, wait_option
from workers.cli.output import print_json, remark
from workers.cli.person import me
from workers.cli.pipeline_view import PIPELINE_RUN_TYPE
from workers.cli.report import print_report
from workers.cli.rerun_source import key_of, old_pipeline_run, old_run
from workers.cli.run_view import GOOD, RUN_TYPE
from workers.cli.server import Link, with_server
from workers.cli.waiting import detached, wait_for
from workers.settings import Settings

FAILED = "failed"
"""`--from failed`: wherever the run did not succeed, even if a node should be called so."""
_NUMBERED = re.compile(r"-rerun-\d+$")


@dataclass(frozen=True)
class _Again:
    """What is to be started."""

    argument: AgentRunInput | PipelineRunInput | None
    """None: there is nothing to run again."""
    of: str
    """The run that it goes on from."""
    kept: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Ended:
    run_id: str | None
    """None: there was nothing to run again."""
    kept: tuple[str, ...] = ()
    view: AnyView | None = None


@command(
    "rerun",
    example=(
        "rota rerun morning-report-2026-11-23T05:00:00Z",
        "rota rerun morning-report-2026-11-23T05:00:00Z --from email",
        "rota rerun report-2026-11-22T06:00:00Z --no-wait",
    ),
    json="the run as in 'rota runs'; with --no-wait, and if nothing is left to run, {run_id or "
    "null, of, kept: [node]}",
)
@server_options
@click.argument("run_id", metavar="RUN")
@click.option(
    "--from",
    "begin",
    default=FAILED,
    show_default=True,
    metavar="failed|NODE",
    help="Of a pipeline: where to begin. NODE is run again with all that comes after it.",
)
@wait_option
def rerun_command(settings: Settings, run_id: str, begin: str, wait: bool, as_json: bool) -> None:
    """Run again what a run has left undone, and keep what it has done.

    A new run named RUN-rerun-N, for the same slot, with the same input and idempotency keys: no
    tool repeats an effect. Of a pipeline, nodes that succeeded are kept with their outputs; of
    an agent, the whole run is repeated. Ends with 1 if the new run does not end well.
    """
    begun: list[str] = []

    async def work(link: Link) -> _Ended:
        again = await _again(link, run_id, begin)
        if again.argument is None:
            remark(f"nothing to run again: {again.of} succeeded")
            return _Ended(None)
        handle = await _start(link, run_id, again.argument)
        begun.append(handle.id)
        if not wait:
            return _Ended(handle.id, again.kept)
        kept = f", keeping {', '.join(again.kept)}" if again.kept else ""
        remark(f"started {handle.id}{kept}")
        return _Ended(handle.id, again.kept, await wait_for(link, handle, follow=False))

    try:
        ended = with_server(settings, work)
    except KeyboardInterrupt:
        if not begun:
            raise
        raise detached(begun[0]) from None
    if ended.view is None:
        document = {"run_id": ended.run_id, "of": run_id, "kept": list(ended.kept)}
        if as_json:
            print_json(document)
        elif ended.run_id is not None:
            click.echo(ended.run_id)
        return
    print_json(ended.view.document) if as_json else print_report(ended.view)
    if ended.view.result.status not in GOOD:
        raise click.exceptions.Exit(ExitCode.FAILED)


async def _again(link: Link, run_id: str, begin: str) -> _Again:
    """What is to be started."""
    described = await describe_run(link.client, run_id)
    if described.close_time is None:
        raise CommandError(
            f"{run_id} is still running: 'rota watch {run_id}' follows it, 'rota cancel {run_id}' "
            "ends it"
        )
    if is_pipeline(described):
        return await _pipeline_again(link, described, begin)
    if begin != FAILED:
        raise CommandError(
            f"{run_id} is a run of an agent and has no nodes: leave out --from", ExitCode.WRONG
        )
    return _Again(await _agent_again(link, described), described.id)


async def _agent_again(link: Link, described: WorkflowExecutionDescription) -> AgentRunInput:
    old = await old_run(link.client, described)
    await require_agent(link.client, old.agent)
    if old.lineage is not None and old.lineage.pipeline:
        place = old.lineage
        remark(
            f"this repeats node {place.node} alone: 'rota rerun {place.parent} --from "
            f"{place.node.partition('/')[0]}' goes on with what comes after it"
        )
    return AgentRunInput(
        agent=old.agent,
        input=old.input,
        slot=old.slot,
        trigger=Trigger.RERUN,
        lineage=rerun_lineage(old.lineage, described.id, key_of(described), old.slot),
        by=me(),
    )


async def _pipeline_again(
    link: Link, described: WorkflowExecutionDescription, begin: str
) -> _Again:
    if begin == FAILED:
        described = await _furthest(link, described)
    old = await old_pipeline_run(link.client, described.id)
    if begin == FAILED and old.status is RunStatus.SUCCEEDED:
        return _Again(None, described.id)
    declared = await require_agent(link.client, old.pipeline)
    if declared.kind != "Pipeline":
        raise CommandError(f"{old.pipeline} is declared as an agent now: there are no nodes to run")
    spec = await get_pipeline(link.store, declared.digest)
    try:
        if begin == FAILED:
            kept = kept_from_failed(spec, old.nodes)
        else:
            kept = kept_from_node(spec, old.nodes, begin)
    except (RerunError, PlanError) as error:
        raise CommandError(str(error), ExitCode.WRONG) from error
    argument = PipelineRunInput(
        pipeline=old.pipeline,
        input=old.input,
        slot=old.slot,
        trigger=Trigger.RERUN,
        lineage=rerun_lineage(old.lineage, described.id, key_of(described), old.slot),
        kept=kept,
        by=me(),
    )
    return _Again(argument, described.id, tuple(kept))


async def _furthest(
    link: Link, described: WorkflowExecutionDescription
) -> WorkflowExecutionDescription:
    """The last re-run of a run, or itself: what a re-run has done is not done again.

    Raises:
        CommandError: that one is still at work.
    """
    first, number = _NUMBERED.sub("", described.id), 1
    while True:
        try:
            described = await describe_run(link.client, f"{first}-rerun-{number}")
        except CommandError as error:
            if error.exit_code != ExitCode.NOT_FOUND:
                raise
            return described
        if described.close_time is None:
            raise _at_work(described.id)
        number += 1


async def _start(
    link: Link, run_id: str, argument: AgentRunInput | PipelineRunInput
) -> WorkflowHandle[Any, Any]:
    """Start it under the first number that is free.

    Raises:
        CommandError: an earlier re-run is still at work.
    """
    first, number = _NUMBERED.sub("", run_id), 1
    while True:
        again = f"{first}-rerun-{number}"
        try:
            return await link.client.start_workflow(
                PIPELINE_RUN_TYPE if isinstance(argument, PipelineRunInput) else RUN_TYPE,
                argument,
                id=again,
                task_queue=link.settings.task_queue,
                id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                static_summary=f"{run_id} again",
            )
        except WorkflowAlreadyStartedError:
            if (await describe_run(link.client, again)).close_time is None:
                raise _at_work(again) from None
            number += 1


def _at_work(run_id: str) -> CommandError:
    return CommandError(f"{run_id} is at work already: 'rota watch {run_id}' follows it")
