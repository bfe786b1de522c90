"""The ledgers of agents as a whole: what their keepers hold, and the pages in the store."""

from datetime import datetime

from activities.ledger_pages import read_pages
from activities.stores.base import ObjectStore
from rota.budgets.costs import AgentLedger
from rota.keepers.state import KeeperState


async def read_ledger(
    store: ObjectStore, agent: str, state: KeeperState, since: datetime | None = None
) -> AgentLedger:
    """Return the entries of one agent, oldest first.

    Args:
        store: Where the pages are.
        agent: Its name.
        state: Its keeper's.
        since: No run from before then is wanted; pages that hold none but such are not read.

    Raises:
        activities.stores.base.StoreError: a page is missing, or the store did not answer.
    """
    declared = state.spec or state.retired
    older = await read_pages(store, state.pages, since)
    return AgentLedger(
        agent=agent,
        team=declared.team if declared else "",
        timezone=state.account.timezone,
        entries=(*older, *state.ledger.values()),
    )
