"""Ledger entries that have left their keeper: pages in the object store."""

from activities.stores.base import ObjectStore
from rota.keeper_state import LedgerEntry
from rota.steps import LedgerPage


async def read_pages(store: ObjectStore, newest: str | None) -> list[LedgerEntry]:
    """Return the entries of all pages, oldest first; `newest` is `KeeperState.pages`.

    Raises:
        activities.stores.base.StoreError: a page is missing, or the store did not answer.
    """
    pages: list[tuple[LedgerEntry, ...]] = []
    while newest is not None:
        page = LedgerPage.model_validate_json(await store.get(newest))
        pages.append(page.entries)
        newest = page.parent
    return [entry for entries in reversed(pages) for entry in entries]
