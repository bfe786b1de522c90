"""A keeper's reach outside: activities, and signals to runs.

Each function returns what it learned and leaves the state to the workflow, because other
messages change it while one of these waits. None of them fails: a keeper that fails takes
its state with it.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.interface import KeeperDesk
    from rota.ids import run_queue
    from rota.keepers.admission import RunRef
    from rota.keepers.run_orders import RunOrder
    from rota.pinned_spec import PinnedSpec
    from rota.steps import LedgerPage, StartRunsInput
    from workflows.activity_options import keeper_options

SIGNALS_AT_ONCE = 50
"""Signals in one workflow task: one settlement may set hundreds of waiters free."""


async def start_runs(spec: PinnedSpec, due: Sequence[RunOrder]) -> list[RunRef] | None:
    """Start the runs of orders; None if not all of them could be started."""
    input = StartRunsInput(
        name=spec.name,
        kind=spec.kind,
        task_queue=run_queue(workflow.info().task_queue),
        orders=tuple(due),
    )
    more = f" and {len(due) - 1} more" if len(due) > 1 else ""
    try:
        return await workflow.execute_activity_method(
            KeeperDesk.start_runs, input, summary=f"start {due[0].run_id}{more}", **keeper_options()
        )
    except ActivityError as error:
        _survive(error, "could not start what was ordered, trying again later")
        return None


async def stored_page(page: LedgerPage) -> str | None:
    """Store a page of the ledger and return its digest; None if that failed."""
    try:
        return await workflow.execute_activity_method(
            KeeperDesk.page_ledger, page, summary="page old ledger entries", **keeper_options()
        )
    except ActivityError as error:
        _survive(error, "could not page the ledger, carrying it whole")
        return None


async def told(run: RunRef, signal: str, message: Any) -> bool:
    """Signal a run; False if it is gone."""
    try:
        await workflow.get_external_workflow_handle(run.id).signal(signal, message)
    except ApplicationError:
        return False
    return True


async def tell_all(signal: str, messages: Sequence[tuple[RunRef, Any]]) -> list[RunRef]:
    """Signal each run its own message; return those that are gone."""
    gone: list[RunRef] = []
    for first in range(0, len(messages), SIGNALS_AT_ONCE):
        batch = messages[first : first + SIGNALS_AT_ONCE]
        arrived = await asyncio.gather(*(told(run, signal, message) for run, message in batch))
        gone += [run for (run, _), there in zip(batch, arrived, strict=True) if not there]
    return gone


def _survive(error: ActivityError, what: str) -> None:
    """Note a failure and live on."""
    workflow.logger.warning("%s: %s", what, error.cause)
