"""Ledger entries that have left their keeper: pages in the object store."""

from datetime import datetime

from activities.stores.base import ObjectStore
from rota.keepers.state import LedgerEntry
from rota.steps import LedgerPage


async def read_pages(
    store: ObjectStore, newest: str | None, since: datetime | None = None
) -> list[LedgerEntry]:
    """Return the entries of the pages, oldest first.

    Args:
        store: Where they are.
        newest: `KeeperState.pages`.
        since: All runs admitted from then on are among them, and maybe some from before; None:
            all there are.

    Raises:
        activities.stores.base.StoreError: a page is missing, or the store did not answer.
    """
    pages: list[tuple[LedgerEntry, ...]] = []
    while newest is not None:
        page = LedgerPage.model_validate_json(await store.get(newest))
        pages.append(page.entries)
        newest = page.parent
        if since is not None and all(_was_over(entry, since) for entry in page.entries):
            # What had not begun before one of these ended was on no page before.
            break
    return [entry for entries in reversed(pages) for entry in entries]


def _was_over(entry: LedgerEntry, at: datetime) -> bool:
    # By its end, not its beginning: a long run is on a later page than those it outlived.
    return entry.settled_at is not None and entry.settled_at < at
