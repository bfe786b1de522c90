"""Runs asked to end, and watched until they have.

A run that ends has asked its provider to stop, and waited for the confirmation; what was not
confirmed its keeper remembers (`workers.unstopped`).
"""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass

from temporalio.client import Client, WorkflowExecution
from temporalio.service import RPCError

from activities.server_errors import is_missing
from activities.side_by_side import side_by_side

LOOK_AGAIN = 0.25
"""Seconds between two looks: an eye sees the number move, a server hardly notices."""
SETTLED = 1.0
"""Seconds without an open run before it is believed: lists are a moment behind the truth."""
NAMES_IN_A_QUERY = 50
RUNS = "WorkflowType IN ('AgentRun', 'PipelineRun', 'Backtest') AND ExecutionStatus = 'Running'"
"""What spends: a backtest is of no agent, so it ends with all or by itself."""


@dataclass(frozen=True)
class Stopping:
    """How far it has come."""

    asked: int
    """Runs that were asked to end."""
    open: tuple[str, ...]
    """Those that have not ended, by workflow id."""

    @property
    def ended(self) -> int:
        """Those that have."""
        return self.asked - len(self.open)


async def open_runs(
    client: Client, names: Collection[str] | None = None
) -> list[WorkflowExecution]:
    """Return the open runs of these agents and pipelines, oldest first; of all if None."""
    found: dict[str, WorkflowExecution] = {}
    for query in _queries(names):
        found |= {run.id: run async for run in client.list_workflows(query)}
    return sorted(found.values(), key=lambda run: run.start_time)


async def stop_runs(
    client: Client,
    names: Collection[str] | None,
    told: Callable[[Stopping], None],
    seconds: float,
) -> Stopping:
    """Cancel the open runs, also those that show up meanwhile, and wait for their ends.

    Args:
        client: The server.
        names: Of which agents and pipelines; None: of the whole namespace.
        told: Hears how far it has come, with every look.
        seconds: How long to wait; whatever is open then is told.
    """
    loop = asyncio.get_running_loop()
    give_up, quiet_since = loop.time() + seconds, None
    asked: set[tuple[str, str]] = set()
    ids: set[str] = set()
    while True:
        runs = await open_runs(client, names)
        fresh = [run for run in runs if (run.id, run.run_id) not in asked]
        await side_by_side(fresh, lambda run: _cancel(client, run))
        asked |= {(run.id, run.run_id) for run in fresh}
        ids |= {run.id for run in fresh}
        stopping = Stopping(len(ids), tuple(run.id for run in runs))
        told(stopping)
        now = loop.time()
        quiet_since = None if runs else quiet_since or now
        if quiet_since is not None and now - quiet_since >= SETTLED:
            return stopping
        if now >= give_up:
            return stopping
        await asyncio.sleep(LOOK_AGAIN)


async def _cancel(client: Client, run: WorkflowExecution) -> None:
    try:
        await client.get_workflow_handle(run.id, run_id=run.run_id).cancel()
    except RPCError as error:
        # It has ended meanwhile, as was wanted.
        if not is_missing(error):
            raise


def _queries(names: Collection[str] | None) -> list[str]:
    if names is None:
        return [RUNS]
    queries: list[str] = []
    ordered = sorted(names)
    for first in range(0, len(ordered), NAMES_IN_A_QUERY):
        some = ", ".join(f"'{name}'" for name in ordered[first : first + NAMES_IN_A_QUERY])
        # A pipeline's nodes are ended by their pipeline's run.
        queries.append(f"{RUNS} AND WorkflowType = 'AgentRun' AND RotaAgent IN ({some})")
        queries.append(f"{RUNS} AND WorkflowType = 'PipelineRun' AND RotaPipeline IN ({some})")
    return queries
