"""What one sees while waiting for a run, on standard error."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

from temporalio.client import Client, WorkflowHandle, WorkflowQueryFailedError
from temporalio.service import RPCError, RPCStatusCode

from activities.pollers import pollers
from activities.server_errors import is_missing
from rota.pipelines.run import PipelineResult
from workers.build_checks import trouble_with_build
from workers.cli.any_run import describe_run, is_pipeline
from workers.cli.node_changes import node_changes
from workers.cli.output import console, format_time, remark
from workers.cli.pipeline_view import count_nodes
from workers.cli.server import Link
from workers.cli.standing import UNANSWERED
from workers.cli.steps import StepLine, steps_of

INTERVAL_SECONDS = 0.5
QUERY_TIMEOUT = timedelta(seconds=2)
"""Above what a busy worker needs; without a worker the query would wait 10 s."""

STUCK_ATTEMPTS = 2
"""Attempts at one workflow task: a second one, and still no answer, is no accident."""


async def show_steps(link: Link, run_id: str) -> None:
    """Print a line for each step, of a pipeline's run for each node, until the run ends."""
    async for step in await changes_of(link.client, run_id):
        remark(f"{format_time(step.at)}  {step.text}")


async def changes_of(client: Client, run_id: str) -> AsyncIterator[StepLine]:
    """Return what happens in a run, line by line, as it happens until it ends."""
    if is_pipeline(await describe_run(client, run_id)):
        return node_changes(client, run_id)
    return steps_of(client, run_id, wait=True)


async def show_progress(link: Link, handle: WorkflowHandle[Any, Any]) -> None:
    """Keep one line up to date on a terminal; elsewhere say only what needs a person."""
    terminal = console(err=True)
    told = False
    with terminal.status("starting") as status:
        while True:
            try:
                status.update(describe_status(await query_status(handle)))
            except (RPCError, WorkflowQueryFailedError) as error:
                if isinstance(error, RPCError) and error.status is RPCStatusCode.NOT_FOUND:
                    return
                trouble = await trouble_of(link, handle)
                if trouble and not told:
                    terminal.print(trouble, markup=False)
                    told = True
                status.update("waiting for a worker" if trouble else "starting")
            await asyncio.sleep(INTERVAL_SECONDS)


async def query_status(handle: WorkflowHandle[Any, Any]) -> dict[str, Any]:
    """Ask a run where it stands; needs a worker."""
    return await handle.query("status", rpc_timeout=QUERY_TIMEOUT)


async def told_status(handle: WorkflowHandle[Any, Any]) -> dict[str, Any] | None:
    """Where a run says it stands; None if no worker answers."""
    try:
        return await query_status(handle)
    except WorkflowQueryFailedError:
        return None
    except RPCError as error:
        if error.status in UNANSWERED or is_missing(error):
            return None
        raise


async def trouble_of(link: Link, handle: WorkflowHandle[Any, Any]) -> str:
    """Why a run gives no answer, and what to do about it; empty if it just started."""
    if await no_worker(link):
        return no_worker_remark(link)
    described = (await handle.describe()).raw_description
    queue, info = link.settings.task_queue, described.workflow_execution_info
    if trouble := await trouble_with_build(link.client, queue, info):
        return trouble
    attempt = described.pending_workflow_task.attempt
    if attempt < STUCK_ATTEMPTS:
        return ""
    return (
        f"its worker cannot go on, at attempt {attempt}: the worker's log says why; the run "
        "goes on once a worker with mended code serves it"
    )


async def no_worker(link: Link) -> bool:
    """True if nobody serves the task queue of runs."""
    return not await pollers(link.client, link.settings.task_queue)


def no_worker_remark(link: Link) -> str:
    """What to do about it."""
    return (
        f"no worker serves task queue {link.settings.task_queue}: the run waits until one does; "
        "start it with 'rota worker'"
    )


def describe_status(status: dict[str, Any]) -> str:
    """`running · turn 2 · 3 tool calls · 812 tokens · waiting for: ledger.post`.

    Of a pipeline's run: `running · 2 succeeded, 1 running`.
    """
    if "nodes" in status:
        return _describe_nodes(PipelineResult.model_validate(status))
    parts = [str(status["status"])]
    if status["turn"] or status["tool_calls"]:
        parts += [f"turn {status['turn']}", f"{status['tool_calls']} tool calls"]
        parts.append(f"{status['tokens']:,} tokens")
    if status["waiting_for"]:
        parts.append("waiting for: " + ", ".join(status["waiting_for"]))
    return " · ".join(parts)


def _describe_nodes(result: PipelineResult) -> str:
    waits = f"waiting for: {result.reason}" if result.reason else ""
    return " · ".join(part for part in (result.status.value, count_nodes(result), waits) if part)
