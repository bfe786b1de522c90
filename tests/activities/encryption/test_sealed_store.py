"""What an encrypted store keeps, refuses and takes over. What every store promises is elsewhere."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from activities.encryption.sealed_store import SealedStore
from activities.stores.base import KeyNeededError, ObjectMissingError, StoreClosedError, StoreError
from activities.stores.open import open_sealed, open_store
from rota.model import digest_of
from tests.encrypted import encryption_at, key
from workers.resealing import reseal_all

A, B = key(1), key(2)
WORDS = b"balance: 4711 EUR"
LATER = datetime.now(UTC) + timedelta(days=1)


def sealed(folder: Path, *keys: object, strict: bool = True) -> SealedStore:
    """The store in `folder` as a process sees it that starts now."""
    known = [each for each in (A, B) if each in keys]
    ring = sorted(known, key=keys.index)
    return open_sealed(
        str(folder), encryption_at(folder.with_suffix(".keys"), *ring, strict=strict)
    )


def files(folder: Path) -> dict[str, bytes]:
    """Every file of a folder."""
    found = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


async def test_store_shows_neither_content_nor_digest(tmp_path: Path) -> None:
    """Whoever lists it cannot even test a guess; names of refs alone are readable."""
    store = sealed(tmp_path / "s", A)
    digest = await store.put(WORDS)
    await store.set_ref("results/run-1", WORDS)
    kept = files(tmp_path / "s")
    assert digest == digest_of(WORDS)
    assert not any(WORDS in data or digest.encode() in data for data in kept.values())
    assert not any(digest[2:] in name for name in kept)
    assert "refs/results/run-1=" in kept


async def test_equal_bytes_are_stored_once_also_after_a_rotation(tmp_path: Path) -> None:
    """They are found under their digest, whichever key they were put under."""
    digest = await sealed(tmp_path / "s", A).put(WORDS)
    rotated = sealed(tmp_path / "s", B, A)
    assert await rotated.get(digest) == WORDS
    assert await rotated.put(WORDS) == digest
    assert len([name for name in files(tmp_path / "s") if name.startswith("sealed/")]) == 1


async def test_blob_in_the_place_of_another_does_not_open(tmp_path: Path) -> None:
    """Neither an object exchanged for another, nor the value of another ref, nor altered ones."""
    store, folder = sealed(tmp_path / "s", A), tmp_path / "s"
    digests = [await store.put(text) for text in (b"one", b"two")]
    await store.set_ref("a", b"1")
    await store.set_ref("b", b"2")
    first, second = sorted((folder / "sealed").rglob("*/*"))
    first.write_bytes(second.read_bytes())
    told: list[str] = []
    for digest in digests:
        try:
            await store.get(digest)
        except StoreError as error:
            told.append(str(error))
    assert len(told) == 1
    assert "is damaged: it was altered, or belongs elsewhere" in told[0]
    stored = (folder / "refs" / "b=").read_bytes().partition(b"\n")[2]
    (folder / "refs" / "a=").write_bytes(b"a\n" + stored)
    with pytest.raises(StoreError, match="ref a is damaged"):
        await store.get_ref("a")


async def test_blob_of_a_removed_key_names_it(tmp_path: Path) -> None:
    """The store, its objects and its refs each say which key they need."""
    folder = tmp_path / "s"
    digest = await sealed(folder, A).put(WORDS)
    with pytest.raises(KeyNeededError, match=f"ref encryption/names is encrypted with key {A.id}"):
        await sealed(folder, B).get(digest)
    await sealed(folder, B, A).set_ref("later", b"x")
    await sealed(folder, B, A).put(b"later")
    with pytest.raises(KeyNeededError, match=f"object {digest} is encrypted with key {A.id}"):
        await sealed(folder, B).get(digest)
    assert await sealed(folder, B).get_ref("later") == b"x"


async def test_plain_blobs_are_refused_until_they_are_resealed(tmp_path: Path) -> None:
    """Read where strictness is off; taken over by one command, after which none is plain."""
    folder = tmp_path / "s"
    plain = open_store(str(folder))
    digest = await plain.put(WORDS)
    await plain.set_ref("a", digest.encode())
    strict, lenient = sealed(folder, A), sealed(folder, A, strict=False)
    for read in (strict.get(digest), strict.get_ref("a")):
        with pytest.raises(StoreClosedError, match=r"is not encrypted.*'rota keys reseal'"):
            await read
    assert (await lenient.get(digest), await lenient.get_ref("a")) == (WORDS, digest.encode())
    assert [await keys_of(each) for each in (lenient, strict)] == [Counter({None: 2})] * 2
    done = await reseal_all(strict, encryption_at(tmp_path / "k", A).keys, LATER)
    assert (done.looked_at, done.resealed, done.left) == (2, 2, [])
    assert (await strict.get(digest), await strict.get_ref("a")) == (WORDS, digest.encode())
    assert not any(WORDS in data for data in files(folder).values())


async def test_reseal_lets_an_old_key_go(tmp_path: Path) -> None:
    """After it the store opens with the new key alone; once more there is nothing to do."""
    folder = tmp_path / "s"
    digest = await sealed(folder, A).put(WORDS)
    await sealed(folder, A).set_ref("a", b"1")
    rotated, keys = sealed(folder, B, A), encryption_at(tmp_path / "k", B, A).keys
    assert await keys_of(rotated) == Counter({A.id: 2})
    assert (await reseal_all(rotated, keys, LATER)).resealed == 2
    assert (await reseal_all(rotated, keys, LATER)).resealed == 0
    alone = sealed(folder, B)
    assert (await alone.get(digest), await alone.get_ref("a")) == (WORDS, b"1")
    assert await keys_of(alone) == Counter({B.id: 2})


async def test_process_without_keys_is_told_of_them_and_sees_no_object(tmp_path: Path) -> None:
    """So nothing takes an encrypted object for garbage, or a ref's value for text."""
    folder = tmp_path / "s"
    digest = await sealed(folder, A).put(WORDS)
    await sealed(folder, A).set_ref("a", b"1")
    plain = open_store(str(folder))
    with pytest.raises(KeyNeededError, match="ref a is encrypted, and no keys are known here"):
        await plain.get_ref("a")
    with pytest.raises(ObjectMissingError):
        await plain.get(digest)
    assert await plain.list_objects(digest[0]) == []


async def test_damaged_or_lost_key_of_names_is_told(tmp_path: Path) -> None:
    """It says what to restore; a new one would hide every object for good."""
    folder = tmp_path / "s"
    digest = await sealed(folder, A).put(WORDS)
    (folder / "refs" / "encryption" / "names=").write_bytes(b"encryption/names\n{}")
    with pytest.raises(StoreError, match="ref encryption/names is damaged: restore it"):
        await sealed(folder, A).get(digest)
    (folder / "refs" / "encryption" / "names=").unlink()
    with pytest.raises(StoreError, match=r"ref encryption/names is gone.*restore it"):
        await sealed(folder, A).put(WORDS)


async def keys_of(store: SealedStore) -> Counter[str | None]:
    """How many blobs need each key."""
    return Counter([key_id async for _, key_id in store.keys_of_all()])
