"""`rota fork`: a new run that goes on from a turn of another, with every effect asked for."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from temporalio.client import WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from activities.stores.base import ObjectMissingError
from rota.runs import AgentRunInput, Trigger
from workers.cli.any_run import AnyView
from workers.cli.command_error import CommandError
from workers.cli.exit_codes import ExitCode
from workers.cli.options import command, server_options, wait_option
from workers.cli.output import print_json, remark
from workers.cli.person import by_option, me
from workers.cli.report import print_report
from workers.cli.run_input import input_option, read_input
from workers.cli.run_view import GOOD, RUN_TYPE, RunView
from workers.cli.server import Link, with_server
from workers.cli.waiting import detached, wait_for
from workers.settings import Settings
from workers.what_if.ended_runs import ended_run
from workers.what_if.fork_begin import ForkError, lineage_of_fork
from workers.what_if.past_runs import PastRun, SpecReader, read_past_run
from workers.what_if.variants import Variant, VariantError

_NUMBERED = re.compile(r"-fork-\d+$")


@dataclass(frozen=True)
class _Asked:
    run_id: str
    at: int
    variant: Variant
    input: dict[str, Any]
    say: str
    by: str


@command(
    "fork",
    example=(
        "rota fork report-2026-11-22T06:00:00Z --at 3 --instructions prompts/careful.md",
        "rota fork report-2026-11-22T06:00:00Z --at 2 --say 'Leave account 4711 out.'",
        "rota fork report-2026-11-22T06:00:00Z --at 0 --input account=4712 --no-wait",
    ),
    json="the run as in 'rota runs'; with --no-wait {run_id, of, turn}",
)
@server_options
@click.argument("run_id", metavar="RUN")
@click.option(
    "--at",
    required=True,
    type=click.IntRange(0),
    help="The last turn that is kept, with the results of its calls; 0: none, from the beginning.",
)
@click.option(
    "--instructions", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE"
)
@click.option("--model", help="Ask this model from there on.")
@input_option("Overrides keys of the run's input; the model is told which. May be repeated.")
@click.option("--say", default="", help="What the model is told besides the results.")
@by_option("Who asks for the run.")
@wait_option
def fork_command(
    settings: Settings,
    run_id: str,
    at: int,
    instructions: Path | None,
    model: str | None,
    inputs: tuple[str, ...],
    say: str,
    by: str | None,
    wait: bool,
    as_json: bool,
) -> None:
    """Start a new run that goes on from a turn of a past one, every effect asked for first.

    A run of its own, named RUN-fork-N: it is admitted, paid and shown like any other. What the
    past run has done it does not do again: the same call is answered by that run's receipt.
    Every other call that is not only read waits for 'rota approve', memory included. It settles
    no slot, publishes no event, and its result becomes no baseline. No other run waits for it,
    but for the locks that it takes.
    """
    text = instructions.read_text() if instructions else None
    variant = Variant(model=model, instructions=text)
    asked = _Asked(run_id, at, variant, read_input(inputs), say, me() if by is None else by)
    begun: list[str] = []

    async def work(link: Link) -> AnyView | None:
        handle, locks = await _start(link, asked)
        begun.append(handle.id)
        if locks:
            named = ", ".join(locks)
            remark(f"it keeps locks until it ends, also while it waits for people: {named}")
        if not wait:
            return None
        remark(f"started {handle.id}; what it waits for: 'rota approvals {handle.id}'")
        return await wait_for(link, handle, follow=False)

    try:
        view = with_server(settings, work)
    except (ForkError, VariantError) as error:
        raise CommandError(str(error), ExitCode.WRONG) from error
    except KeyboardInterrupt:
        if not begun:
            raise
        raise detached(begun[0]) from None
    if view is None:
        document = {"run_id": begun[0], "of": run_id, "turn": at}
        print_json(document) if as_json else click.echo(begun[0])
        return
    print_json(view.document) if as_json else print_report(view)
    if view.result.status not in GOOD:
        raise click.exceptions.Exit(ExitCode.FAILED)


async def _start(link: Link, asked: _Asked) -> tuple[WorkflowHandle[Any, Any], list[str]]:
    """Start it under the first number that is free.

    Returns:
        The run, and the locks that it takes.

    Raises:
        CommandError: there is no such run, it is still at work, or it left no transcript.
        ForkError: it cannot begin there.
        VariantError: the model cannot be asked.
    """
    past = await _past(link, asked.run_id)
    lineage, begin = await lineage_of_fork(
        link.store, past, asked.at, asked.variant.of(past.spec), asked.input, asked.say
    )
    # What it needed is in the store: through history it would travel in full.
    needs = "needs" if past.spec.needs else ""
    argument = AgentRunInput(
        agent=past.view.result.agent,
        input={key: value for key, value in begin.input.items() if key != needs},
        trigger=Trigger.MANUAL,
        lineage=lineage,
        by=asked.by,
    )
    first, number = _NUMBERED.sub("", asked.run_id), 1
    while True:
        try:
            handle = await link.client.start_workflow(
                RUN_TYPE,
                argument,
                id=f"{first}-fork-{number}",
                task_queue=link.settings.task_queue,
                id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                static_summary=lineage.cause,
            )
            return handle, [lock.name for lock in past.spec.locks]
        except WorkflowAlreadyStartedError:
            number += 1


async def _past(link: Link, run_id: str) -> PastRun:
    view = await ended_run(link.client, link.store, run_id)
    if not isinstance(view, RunView):
        raise CommandError(f"{run_id} is a pipeline's run: fork the run of one of its nodes")
    if view.ended is None:
        raise CommandError(f"{run_id} is still at work: 'rota watch {run_id}' follows it")
    try:
        past = await read_past_run(link.store, view, SpecReader(link.store))
    except ObjectMissingError as error:
        raise CommandError(
            f"{error}; is {link.store.address} the workers' store? Name it with --store"
        ) from error
    if past is None:
        raise CommandError(f"{run_id} took no turn: 'rota rerun {run_id}' runs it again")
    return past
