"""`closed_runs`, `start_runs`, `page_ledger`: what a keeper needs from outside."""

import asyncio
import logging
from collections.abc import Iterator, Sequence
from itertools import compress

from temporalio import activity
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError

from activities.documents import put_record
from activities.interface import KeeperDesk
from activities.recorded_use import recorded_use
from activities.server_errors import is_missing
from activities.starting import start_order
from activities.stores.base import ObjectStore, StoreError
from rota.run_ref import ClosedRun, RunRef, Suspects
from rota.steps import LedgerPage, StartRunsInput
from rota.usage import Usage

log = logging.getLogger("rota.worker")

LOOKS_AT_ONCE = 20
"""Runs described at the same time: a keeper may have hundreds of suspects and 30 s."""
STORE_SECONDS = 10.0
"""For reading what all of them have used: what they held is free in any case."""


class KeeperDeskActivities(KeeperDesk):
    """Looks things up for keepers."""

    def __init__(self, client: Client, store: ObjectStore) -> None:
        self._client = client
        self._store = store

    @activity.defn(name="closed_runs")
    async def closed_runs(self, suspects: Suspects) -> list[ClosedRun]:
        """Return those that have ended, or whose id now names another run.

        With each comes what the store has on record of its use; if that cannot be read now, an
        attempt of which nobody knows what it came to: no lease waits for a store.

        One that the server cannot describe now is left out, so counts as still running: the
        keeper looks again, and the others must not wait for it.

        Idempotency: reads only.
        """
        gone: list[RunRef] = []
        for batch in _batches(suspects.runs):
            gone += compress(batch, await asyncio.gather(*map(self._is_closed, batch)))
        if not suspects.with_use:
            return [ClosedRun(id=run.id, key=run.key) for run in gone]
        closed: list[ClosedRun] = []
        until = asyncio.get_running_loop().time() + STORE_SECONDS
        for batch in _batches(gone):
            closed += await asyncio.gather(*(self._closed(run, until) for run in batch))
        return closed

    @activity.defn(name="start_runs")
    async def start_runs(self, input: StartRunsInput) -> list[RunRef]:
        """Start the runs of orders, one after the other, in their order.

        Raises:
            temporalio.service.RPCError: retryable; the server did not answer.
        Idempotency: by workflow id; a run that exists already is returned as it is.
        """
        return [await start_order(self._client, input, order) for order in input.orders]

    @activity.defn(name="page_ledger")
    async def page_ledger(self, page: LedgerPage) -> str:
        """Store a page. Idempotency: content-addressed."""
        return await put_record(self._store, page)

    async def _closed(self, run: RunRef, until: float) -> ClosedRun:
        try:
            async with asyncio.timeout_at(until):
                used = await recorded_use(self._store, run)
        except (StoreError, ValueError, TimeoutError) as error:
            why = str(error) or f"the store took longer than {STORE_SECONDS:g} s"
            log.warning("run %s: cannot read what it has used: %s", run.id, why)
            used = Usage(unknown_attempts=1)
        return ClosedRun(id=run.id, key=run.key, used=used)

    async def _is_closed(self, run: RunRef) -> bool:
        try:
            description = await self._client.get_workflow_handle(run.id).describe()
        except RPCError as error:
            if is_missing(error):
                return True
            log.warning("run %s: cannot see whether it has ended: %s", run.id, error.message)
            return False
        # Older servers leave it empty: then the status alone must do.
        first = description.raw_description.workflow_execution_info.first_run_id
        another = first not in ("", run.key)
        return another or description.status is not WorkflowExecutionStatus.RUNNING


def _batches(runs: Sequence[RunRef]) -> Iterator[Sequence[RunRef]]:
    for first in range(0, len(runs), LOOKS_AT_ONCE):
        yield runs[first : first + LOOKS_AT_ONCE]
