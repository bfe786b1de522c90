"""Garbage collection on every kind of store."""

from collections.abc import AsyncIterator, Collection
from datetime import UTC, datetime, timedelta

import pytest

from activities.audit.archive_store import get_archive, open_archive, put_archive
from activities.audit.collecting import Collector
from activities.stores.base import ObjectMissingError, ObjectStore
from rota.audit.retention import FleetRetention
from tests.rota.audit.audit_records import record


async def test_what_nothing_refers_to_goes_from_every_store(store: ObjectStore) -> None:
    """An archive, what a ref names and what that names stay; the dry run takes nothing."""
    inner = await store.put(b"inner")
    await store.set_ref("replies/run/1", (await store.put(inner.encode())).encode())
    waste = await store.put(b"waste")
    archived = await put_archive(store, record(1, turns=2))

    async def server(gone: Collection[str]) -> AsyncIterator[bytes]:
        for data in (b"nothing",):
            yield data

    def later() -> datetime:
        return datetime.now(UTC) + timedelta(days=30)

    collector = Collector(store, server, "default", FleetRetention("", {}), later)
    young = await collector.collect(timedelta(days=31), dry_run=False)
    plan = await collector.collect(timedelta(days=7), dry_run=True)
    assert (young.removed, plan.removed, plan.bytes) == (0, 1, 5)
    assert await store.get(waste)
    done = await collector.collect(timedelta(days=7), dry_run=False)
    assert (done.removed, done.swept) == (1, True)
    with pytest.raises(ObjectMissingError):
        await store.get(waste)
    assert await store.get(inner)
    assert await get_archive(store, archived.run.key) == archived
    assert (await open_archive(store, archived)).chain.head == archived.head
