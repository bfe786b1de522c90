"""An agent's ledger as a whole: what its keeper holds, and what has moved to pages."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest

from activities.stores.base import ObjectStore
from activities.stores.open import open_store
from rota.budgets.costs import total
from rota.budgets.reservations import Account
from rota.keepers.state import KeeperState, LedgerEntry
from rota.run_ref import RunRef
from rota.runs import RunStatus, Trigger
from rota.steps import LedgerPage
from rota.usage import Usage
from schedules.ledgers import read_ledger

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def entry(day: int) -> LedgerEntry:
    """A run of that day that cost as many micro-dollars, and a thousand."""
    return LedgerEntry(
        run=RunRef(id=f"r{day}", key=f"k{day}"),
        trigger=Trigger.SCHEDULE,
        status=RunStatus.SUCCEEDED,
        admitted_at=NOON + timedelta(days=day),
        usage=Usage(cost_micros=1000 + day),
    )


async def test_ledger_has_what_its_keeper_holds_and_what_is_on_pages(tmp_path: Path) -> None:
    """Oldest first, each once, in the zone of the agent's account."""
    store = open_store(str(tmp_path))
    oldest = await store.put(LedgerPage(entries=(entry(0), entry(1))).model_dump_json().encode())
    page = LedgerPage(entries=(entry(2),), parent=oldest)
    newest = await store.put(page.model_dump_json().encode())
    held = {each.key: each for each in (entry(3), entry(4))}
    account = Account(timezone="Europe/Berlin")
    state = KeeperState(ledger=held, pages=newest, paged=3, account=account)
    ledger = await read_ledger(store, "report", state)
    assert [each.key for each in ledger.entries] == ["k0", "k1", "k2", "k3", "k4"]
    assert (ledger.timezone, ledger.team) == ("Europe/Berlin", "")
    assert total([ledger]).micros == 5010


class Reads:
    """A store that counts what is read of it."""

    def __init__(self, folder: Path) -> None:
        self.store = open_store(str(folder))
        self.count = 0

    async def get(self, digest: str) -> bytes:
        """As the store."""
        self.count += 1
        return await self.store.get(digest)


@pytest.mark.parametrize(("since", "wanted", "reads"), [(2, ["k2", "k3"], 3), (4, [], 1)])
async def test_ledger_since_then_leaves_the_pages_before_unread(
    tmp_path: Path, since: int, wanted: list[str], reads: int
) -> None:
    """And misses no run: one that worked for long is on a later page than those it outlived."""
    store = Reads(tmp_path)
    took, parent = {1: 2}, None
    for days in ((0,), (2, 3), (1,)):
        entries = tuple(
            entry(day).model_copy(
                update={"settled_at": NOON + timedelta(days=day + took.get(day, 0))}
            )
            for day in days
        )
        page = LedgerPage(entries=entries, parent=parent)
        parent = await store.store.put(page.model_dump_json().encode())
    state = KeeperState(pages=parent, paged=4)
    at = NOON + timedelta(days=since)
    ledger = await read_ledger(cast("ObjectStore", store), "report", state, at)
    assert [each.key for each in ledger.entries if each.admitted_at >= at] == wanted
    assert store.count == reads
