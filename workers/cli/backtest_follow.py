"""What one sees of a backtest while it is at work."""

import asyncio
from typing import Any

from temporalio.client import WorkflowHandle, WorkflowQueryFailedError
from temporalio.service import RPCError

from rota.usage import format_cost
from rota.what_if.backtest import BacktestProgress
from workers.cli.output import console, remark
from workers.cli.progress import INTERVAL_SECONDS, QUERY_TIMEOUT, no_worker, no_worker_remark
from workers.cli.server import Link
from workers.cli.standing import UNANSWERED

CANCEL_SECONDS = 60.0
"""How long a cancelled backtest may take: its models' turns in flight are given up at once."""


async def follow(link: Link, handle: WorkflowHandle[Any, BacktestProgress]) -> BacktestProgress:
    """Wait for its end; on a terminal one line tells how far it is."""
    progress = asyncio.ensure_future(_show(link, handle))
    try:
        return await handle.result()
    finally:
        progress.cancel()
        await asyncio.gather(progress, return_exceptions=True)


async def cancelled(handle: WorkflowHandle[Any, BacktestProgress]) -> BacktestProgress:
    """Cancel it, and return what it has come to."""
    async with asyncio.timeout(CANCEL_SECONDS):
        await handle.cancel()
        return await handle.result()


async def _show(link: Link, handle: WorkflowHandle[Any, BacktestProgress]) -> None:
    told = False
    with console(err=True).status("starting") as status:
        while True:
            try:
                found = await handle.query(
                    "progress", result_type=BacktestProgress, rpc_timeout=QUERY_TIMEOUT
                )
                cost = format_cost(found.usage.cost_micros)
                done = f"{len(found.cases)} of {found.total} cases"
                status.update(f"{done}, {len(found.working)} at work, {cost}")
            except WorkflowQueryFailedError:
                status.update("starting")
            except RPCError as error:
                if error.status not in UNANSWERED:
                    raise
                if not told and await no_worker(link):
                    remark(no_worker_remark(link))
                    told = True
            await asyncio.sleep(INTERVAL_SECONDS)
