"""Garbage collection in a store of a test, and runs that were archived there long ago."""

from collections.abc import AsyncIterator, Collection
from datetime import datetime, timedelta

from activities.audit.archive_store import put_archive
from activities.audit.collecting import Collector
from activities.stores.base import ObjectStore
from rota.audit.collected import GcReport
from rota.audit.retention import FleetRetention
from tests.activities.archive.archive_bench import FLEET
from tests.activities.archive.memory_store import NOW, MemoryStore
from tests.rota.audit.audit_records import record

GRACE = timedelta(days=7)


async def collected(
    store: ObjectStore,
    server: Collection[bytes] = (),
    *,
    dry_run: bool = False,
    now: datetime = NOW,
    **classes: timedelta,
) -> GcReport:
    """One collection; the server refers to what stands in `server`."""

    async def roots(gone: Collection[str]) -> AsyncIterator[bytes]:
        for data in server:
            yield data

    collector = Collector(store, roots, "default", FleetRetention(FLEET, classes), lambda: now)
    return await collector.collect(GRACE, dry_run=dry_run)


async def archived(store: MemoryStore, seed: int, days: float, **changes: object) -> str:
    """A run that ended so long ago, archived then, with what it left behind; its key."""
    ended = NOW - timedelta(days=days)
    store.now = ended
    output = await store.put(b"result of %d" % seed)
    node = await store.put(b"turn of %d" % seed)
    made = record(seed).model_copy(
        update={"ended": ended, "objects": tuple(sorted((output, node))), **changes}
    )
    await store.set_ref(f"replies/{made.run.key}/1", node.encode())
    await put_archive(store, made, FLEET)
    store.now = NOW
    return made.run.key
