"""`closed_runs`, `page_ledger`: what a keeper needs from outside."""

from temporalio import activity
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError

from activities.documents import put_record
from activities.interface import KeeperDesk, LedgerPage
from activities.keepers import is_missing_workflow
from activities.stores.base import ObjectStore
from rota.admission import RunRef


class KeeperDeskActivities(KeeperDesk):
    """Looks things up for keepers."""

    def __init__(self, client: Client, store: ObjectStore) -> None:
        self._client = client
        self._store = store

    @activity.defn(name="closed_runs")
    async def closed_runs(self, runs: list[RunRef]) -> list[RunRef]:
        """Return those of `runs` that have ended, or whose id now names another run.

        Idempotency: reads only.
        """
        return [run for run in runs if await self._is_closed(run)]

    @activity.defn(name="page_ledger")
    async def page_ledger(self, page: LedgerPage) -> str:
        """Store a page. Idempotency: content-addressed."""
        return await put_record(self._store, page)

    async def _is_closed(self, run: RunRef) -> bool:
        try:
            description = await self._client.get_workflow_handle(run.id).describe()
        except RPCError as error:
            if is_missing_workflow(error):
                return True
            raise
        first = description.raw_description.workflow_execution_info.first_run_id
        return first != run.key or description.status is not WorkflowExecutionStatus.RUNNING
