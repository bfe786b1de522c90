"""An agent's ledger as a whole: what its keeper holds, and what has moved to pages."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from activities.stores.open import open_store
from rota.budget import Account
from rota.costs import total
from rota.keeper_state import KeeperState, LedgerEntry
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
