"""Objects kept in memory."""

from pathlib import Path

import pytest

from activities.stores.base import ObjectMissingError
from activities.stores.cache import CachedStore
from activities.stores.local import LocalStore


class CountingStore(LocalStore):
    """A folder that counts the objects read from it."""

    reads = 0

    async def get(self, digest: str) -> bytes:
        self.reads += 1
        return await super().get(digest)


async def test_object_read_or_written_is_not_read_again(tmp_path: Path) -> None:
    """Both a put and a get leave the object in memory."""
    inner = CountingStore(tmp_path)
    writer, reader = CachedStore(inner), CachedStore(inner)
    digest = await writer.put(b"x")
    assert await writer.get(digest) == b"x"
    assert inner.reads == 0
    assert [await reader.get(digest) for _ in range(3)] == [b"x"] * 3
    assert inner.reads == 1


async def test_least_recently_used_object_goes_first(tmp_path: Path) -> None:
    """Beyond the limit the object unused for longest is read from the store again."""
    inner = CountingStore(tmp_path)
    store = CachedStore(inner, limit_bytes=40)
    first, second, third, fourth = [await store.put(bytes([n]) * 10) for n in range(4)]
    await store.get(first)
    await store.put(b"5" * 10)
    for digest in (first, third, fourth):
        await store.get(digest)
    assert inner.reads == 0
    await store.get(second)
    assert inner.reads == 1


async def test_object_of_more_than_a_quarter_of_the_room_is_not_kept(tmp_path: Path) -> None:
    """One large object does not push all others out."""
    inner = CountingStore(tmp_path)
    store = CachedStore(inner, limit_bytes=40)
    small = await store.put(b"s")
    large = await store.put(b"l" * 11)
    await store.get(large)
    assert inner.reads == 1
    await store.get(small)
    assert inner.reads == 1


async def test_put_of_a_kept_object_reaches_the_store(tmp_path: Path) -> None:
    """An object removed behind the cache is there again after the next put."""
    store = CachedStore(LocalStore(tmp_path))
    digest = await store.put(b"x")
    (tmp_path / "objects" / digest[:2] / digest[2:]).unlink()
    with pytest.raises(ObjectMissingError):
        await LocalStore(tmp_path).get(digest)
    await store.put(b"x")
    assert await LocalStore(tmp_path).get(digest) == b"x"


async def test_ref_changed_by_another_process_is_seen(tmp_path: Path) -> None:
    """Refs are never kept."""
    store, other = CachedStore(LocalStore(tmp_path)), LocalStore(tmp_path)
    await store.set_ref("r", b"one")
    assert await store.get_ref("r") == b"one"
    await other.set_ref("r", b"two")
    assert await store.get_ref("r") == b"two"
