"""What `ObjectStore` promises, asked of every kind of store."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from activities.audit.marking import listing
from activities.stores.base import ObjectMissingError, ObjectStore, StoreError
from rota.model import digest_of

ODD_NAMES = [
    "../escape",
    "..",
    ".",
    "a/../../b",
    "a/./b",
    ".hidden/.too",
    "%2e%2e/%2f",
    "nul\0inside",
    "line\nbreak",
    "back\\slash",
    "C:/windows",
    "ref=",
    "tilde~ab",
    "~",
    "Ünïcödé/路径/🦔",
    "Case",
    "case",
    "a b+c&d?e#f",
    "x" * 500,
    "long/" + "X" * 500 + "/" + "y" * 500,
    "漢" * 500,
]
WRITERS = 20


async def test_put_then_get_returns_the_bytes(store: ObjectStore) -> None:
    """What is put comes back under the SHA-256 of it, whatever its size or content."""
    for data in (b"", b"x", bytes(range(256)), b"big" * 100_000):
        digest = await store.put(data)
        assert digest == digest_of(data)
        assert await store.get(digest) == data


async def test_put_repeated_is_idempotent(store: ObjectStore) -> None:
    """Equal bytes have one digest, however often and however concurrently they are put."""
    digests = await asyncio.gather(*(store.put(b"same") for _ in range(10)))
    assert set(digests) == {digest_of(b"same")}
    assert await store.get(digests[0]) == b"same"


async def test_get_unknown_digest_is_missing(store: ObjectStore) -> None:
    """A digest nobody stored is an error of its own, naming the digest and the store."""
    digest = digest_of(b"never stored")
    with pytest.raises(ObjectMissingError) as caught:
        await store.get(digest)
    assert digest in str(caught.value)
    assert store.address in str(caught.value)


@pytest.mark.parametrize("digest", ["", "../../etc/passwd", "AB" * 32, "a" * 63, "g" * 64])
async def test_get_something_else_than_a_digest_is_refused(store: ObjectStore, digest: str) -> None:
    """A digest is never used as a path before it is known to be one."""
    with pytest.raises(StoreError, match="is not a digest"):
        await store.get(digest)


async def test_ref_is_set_replaced_and_deleted(store: ObjectStore) -> None:
    """A ref holds its last value until it is deleted, and deleting again is no error."""
    assert await store.get_ref("replies/ab") is None
    assert await store.set_ref("replies/ab", b"one") == b"one"
    assert await store.set_ref("replies/ab", b"two\nlines\0") == b"two\nlines\0"
    assert await store.get_ref("replies/ab") == b"two\nlines\0"
    await store.delete_ref("replies/ab")
    await store.delete_ref("replies/ab")
    assert await store.get_ref("replies/ab") is None


async def test_ref_if_absent_keeps_the_first_value(store: ObjectStore) -> None:
    """With `if_absent` the second writer is told the first one's value, until it is gone."""
    assert await store.set_ref("r", b"first", if_absent=True) == b"first"
    assert await store.set_ref("r", b"second", if_absent=True) == b"first"
    assert await store.get_ref("r") == b"first"
    await store.delete_ref("r")
    assert await store.set_ref("r", b"third", if_absent=True) == b"third"


async def test_ref_if_absent_has_one_winner_among_concurrent_writers(store: ObjectStore) -> None:
    """Of many writers at the same moment one wins, and all are told the same value."""
    for round_number in range(5):
        name, gate = f"race/{round_number}", threading.Barrier(WRITERS)

        def write(writer: int, name: str = name, gate: threading.Barrier = gate) -> bytes:
            gate.wait()
            return asyncio.run(store.set_ref(name, b"%d" % writer, if_absent=True))

        with ThreadPoolExecutor(WRITERS) as threads:
            loop = asyncio.get_running_loop()
            told = await asyncio.gather(
                *(loop.run_in_executor(threads, write, writer) for writer in range(WRITERS))
            )
        assert set(told) == {await store.get_ref(name)}


async def test_refs_with_odd_names_round_trip(store: ObjectStore) -> None:
    """No name leaves the store, meets another one, or comes back changed."""
    for index, name in enumerate(ODD_NAMES):
        await store.set_ref(name, b"%d" % index)
    for index, name in enumerate(ODD_NAMES):
        assert await store.get_ref(name) == b"%d" % index
    assert await store.list_refs("") == sorted(ODD_NAMES)


@pytest.mark.parametrize("name", ["", "/a", "a/", "a//b", "\ud800", "/".join("p" * 500)])
async def test_ref_name_that_cannot_be_kept_is_refused(store: ObjectStore, name: str) -> None:
    """Empty parts, broken text and endless paths are refused in one line."""
    with pytest.raises(StoreError) as caught:
        await store.set_ref(name, b"x")
    assert "\n" not in str(caught.value)


async def test_list_refs_names_what_lies_below_a_whole_part(store: ObjectStore) -> None:
    """A prefix matches whole parts: neither its own ref nor a longer word belongs to it."""
    for name in ("a", "a/b", "a/b/c", "a/d", "ab/c", "z"):
        await store.set_ref(name, b"")
    assert await store.list_refs("a") == ["a/b", "a/b/c", "a/d"]
    assert await store.list_refs("a/b") == ["a/b/c"]
    assert await store.list_refs("nothing/here") == []
    assert await store.list_refs("") == ["a", "a/b", "a/b/c", "a/d", "ab/c", "z"]


async def test_list_refs_below_a_long_part(store: ObjectStore) -> None:
    """A part too long for a file name is found again as a prefix."""
    await store.set_ref("k" * 400 + "/one", b"")
    await store.set_ref("k" * 401 + "/two", b"")
    assert await store.list_refs("k" * 400) == ["k" * 400 + "/one"]


async def test_objects_are_listed_with_size_and_age_and_removed_by_age(store: ObjectStore) -> None:
    """What was put before a moment goes for good; to remove it again is no error."""
    before = datetime.now(UTC) - timedelta(seconds=2)
    digests = sorted([await store.put(bytes([number]) * 9) for number in range(5)])
    listed = await listing(store)
    assert sorted(listed) == digests
    assert all(each.size == 9 and each.written >= before for each in listed.values())
    late = datetime.now(UTC) + timedelta(seconds=2)
    assert await store.delete(digests[0], late)
    assert await store.delete(digests[0], late)
    assert not await store.delete(digests[1], before)
    with pytest.raises(ObjectMissingError):
        await store.get(digests[0])
    assert await store.get(digests[1])


async def test_object_that_is_put_again_is_as_young_as_a_new_one(store: ObjectStore) -> None:
    """Whoever has just put something may rely on it, whether it was there before or not."""
    digest = await store.put(b"twice")
    first = (await listing(store))[digest]
    while True:
        await store.put(b"twice")
        second = (await listing(store))[digest]
        if second.written > first.written:
            break
    assert not await store.delete(digest, second.written)
    assert await store.get(digest) == b"twice"
