"""A run's entry in its keeper's ledger, wherever it lies by now.

Activity side: asks the keeper, which needs a worker, then its pages in the store, newest first.
"""

from datetime import datetime, timedelta

from temporalio.client import Client, WorkflowQueryFailedError
from temporalio.service import RPCError

from activities.stores.base import ObjectStore
from rota.ids import keeper_id
from rota.keepers.state import KeeperState, LedgerEntry
from rota.run_ref import RunRef
from rota.steps import LedgerPage

PATIENCE = timedelta(seconds=5)
"""How long the keeper may take: what it says is in the run's own history, too, in other words."""


class LedgerUnreadError(Exception):
    """Nobody answers for the keeper."""


async def ledger_entry(
    client: Client, store: ObjectStore, agent: str, run: RunRef, started: datetime
) -> LedgerEntry | None:
    """Return what the ledger has of a run; None if it has nothing.

    Raises:
        LedgerUnreadError: the keeper does not answer.
        activities.stores.base.StoreError: a page is missing, or the store does not answer.
    """
    handle = client.get_workflow_handle(keeper_id(agent))
    try:
        state = await handle.query("state", result_type=KeeperState, rpc_timeout=PATIENCE)
    except (RPCError, WorkflowQueryFailedError) as error:
        raise LedgerUnreadError(f"the keeper of {agent} did not answer: {error}") from error
    if run.key in state.ledger:
        return state.ledger[run.key]
    newest = state.pages
    while newest is not None:
        page = LedgerPage.model_validate_json(await store.get(newest))
        for entry in page.entries:
            if entry.key == run.key:
                return entry
        if all(entry.admitted_at < started for entry in page.entries):
            return None
        newest = page.parent
    return None
