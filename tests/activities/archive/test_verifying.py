"""The archive verifies itself: what was changed is found, what may be gone is not called broken."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from datetime import timedelta

import pytest

from activities.audit.archive_store import all_archives, encoded, put_archive
from activities.audit.content_keys import destroy_content_key
from activities.audit.erasing import Eraser
from activities.audit.expiring import expire
from activities.audit.holding import place_hold
from activities.audit.verifying import DAYS, RUNS, TIPS, WRITTEN, Verifier, verified
from activities.stores.base import ObjectMissingError, StoreError
from rota.audit.archived import PENDING, archive_place
from rota.audit.checkpoints import proof_place
from rota.audit.content_key import Destruction, key_place
from rota.audit.hashing import erasure_key
from rota.audit.verified import MOST_BROKEN, verified_place
from tests.activities.archive.archive_bench import FLEET
from tests.activities.archive.memory_store import NOW, MemoryStore
from tests.activities.archive.verifying_bench import (
    TRUST,
    Archive,
    archive_of,
)
from tests.rota.audit.audit_records import record

GONE = Destruction(by="ann", reason="asked by the subject", at=NOW + timedelta(minutes=1))
Tamper = Callable[[Archive, MemoryStore], Awaitable[None]]


async def no_chain(place: Archive, store: MemoryStore) -> None:
    """The chain of a run is gone."""
    del store.objects[place.runs[1].chain]


async def no_content(place: Archive, store: MemoryStore) -> None:
    """Its content is."""
    del store.objects[place.runs[1].content or ""]


async def no_key(place: Archive, store: MemoryStore) -> None:
    """The key of its content is, and nobody erased it."""
    del store.refs[key_place(place.runs[1].run.key)]


async def no_archive(place: Archive, store: MemoryStore) -> None:
    """What makes it archived is."""
    del store.refs[archive_place(place.runs[1].run.key)]


async def other_run(place: Archive, store: MemoryStore) -> None:
    """The archive of another stands in its place."""
    mine, other = (archive_place(place.runs[number].run.key) for number in (1, 0))
    store.refs[mine] = store.refs[other]


async def no_digest(place: Archive, store: MemoryStore) -> None:
    """What names its archive leads nowhere."""
    store.refs[archive_place(place.runs[1].run.key)] = b"f" * 64


async def made_anew(place: Archive, store: MemoryStore) -> None:
    """Its archive was made anew, whole and well formed, from another record."""
    key = place.runs[1].run.key
    del store.refs[archive_place(key)]
    made = record(2, turns=1).model_copy(
        update={"ended": place.runs[1].ended, "output": {"told": "something else"}}
    )
    assert made.run.key == key
    await put_archive(store, made, FLEET)


async def other_words(place: Archive, store: MemoryStore) -> None:
    """What the archive says of it is not what its chain says."""
    forged = place.runs[1].model_copy(update={"namespace": "elsewhere"})
    digest = await store.put(encoded(forged))
    store.refs[archive_place(forged.run.key)] = digest.encode()


async def other_head(place: Archive, store: MemoryStore) -> None:
    """What the archive says of its chain is not so, though chain and content hold."""
    forged = place.runs[1].model_copy(update={"head": "0" * 64})
    digest = await store.put(encoded(forged))
    store.refs[archive_place(forged.run.key)] = digest.encode()


@pytest.mark.parametrize(
    ("tamper", "reason"),
    [
        (other_head, "its chain is not the one that was archived"),
        (no_chain, "no object"),
        (no_content, "no object"),
        (no_key, "content 'history-0' is missing"),
        (no_archive, "not in the store any more"),
        (other_run, "archive of another run"),
        (no_digest, "no object"),
        (made_anew, "does not have the head"),
        (other_words, "its 'namespace' is not that of the chain"),
    ],
)
async def test_run_that_was_changed_is_found_by_name_and_is_well_once_it_is_mended(
    tamper: Tamper, reason: str
) -> None:
    """Whatever of it was taken or exchanged; found once, from then on, until it is as it was."""
    place, store = await archive_of()
    assert await place.broken() == []
    objects, refs = dict(store.objects), dict(store.refs)
    await tamper(place, store)
    key = place.runs[1].run.key
    first = await place.check()
    assert [each.place.name for each in first.broken] == [f"run/report/{key}"]
    assert reason in first.broken[0].reason
    again = await place.check()
    assert (again.broken[0].since, again.at) == (first.broken[0].since, place.now)
    store.objects |= objects
    store.refs |= {name: value for name, value in refs.items() if not name.startswith("audit/ver")}
    assert await place.broken() == []


async def erase(place: Archive, number: int, store: MemoryStore) -> None:
    """The content of a run, as `rota audit erase` does it."""

    async def roots(gone: Collection[str]) -> AsyncIterator[bytes]:
        for data in (b"",):
            yield data

    run = await place.reread(number)
    await Eraser(store, roots).erase(run, await all_archives(store), GONE, dry_run=False)


async def test_run_that_was_erased_or_held_is_not_broken() -> None:
    """Before its erasure is in a checkpoint, and once it is; nor while it is under way."""
    place, store = await archive_of()
    await erase(place, 0, store)
    await destroy_content_key(store, place.runs[1].run.key, GONE)
    await place_hold(store, by="bob", reason="suit", at=NOW, run=place.runs[2].run.key)
    assert await place.broken() == []
    assert [name for name in store.refs if name.startswith(f"{PENDING}/report/erasure-")]
    store.now = place.now = NOW + timedelta(days=1)
    await place.grow(1)
    assert proof_place(erasure_key(place.runs[0].run.key)) in store.refs
    assert await place.broken(2) == []


async def test_content_that_is_lost_is_accepted_by_erasing_it() -> None:
    """Somebody says so on the record, and the chain goes on to verify."""
    place, store = await archive_of()
    await no_content(place, store)
    assert len(await place.broken()) == 1
    await erase(place, 1, store)
    assert await place.broken() == []


async def test_erasure_with_other_words_than_its_checkpoint_is_found() -> None:
    """Who had it erased, and why, is in a checkpoint like a run."""
    place, store = await archive_of()
    await erase(place, 0, store)
    store.now = place.now = NOW + timedelta(days=1)
    await place.grow(1)
    forged = (await place.reread(0)).erased(GONE.model_copy(update={"by": "nobody"}))
    store.refs[archive_place(forged.run.key)] = (await store.put(encoded(forged))).encode()
    (found,) = await place.broken(2)
    assert found.startswith(f"run/report/{forged.run.key}: ")
    assert "erasure" in found


async def test_erased_run_that_is_there_again_is_found() -> None:
    """Its checkpoint says that its content was destroyed."""
    place, store = await archive_of()
    before = store.refs[archive_place(place.runs[0].run.key)], dict(store.objects)
    key = store.refs[key_place(place.runs[0].run.key)]
    await erase(place, 0, store)
    store.now = place.now = NOW + timedelta(days=1)
    await place.grow(1)
    store.refs[archive_place(place.runs[0].run.key)] = before[0]
    store.refs[key_place(place.runs[0].run.key)] = key
    store.objects |= before[1]
    (found,) = await place.broken(2)
    assert "says that it was erased, and it is there" in found


async def test_run_whose_retention_is_over_is_not_broken() -> None:
    """Its checkpoint stays, and names it."""
    place, store = await archive_of()
    await expire(store, [place.runs[0]], lambda: NOW, dry_run=False)
    assert await place.broken(2) == []


async def test_run_that_goes_while_it_is_read_is_not_broken() -> None:
    """The first look finds half of it, the second one that it went."""
    place, store = await archive_of(1, runs=1)
    run, read = place.runs[0], store.get

    async def get(digest: str) -> bytes:
        if digest == run.chain:
            await expire(store, [run], lambda: NOW, dry_run=False)
            raise ObjectMissingError(digest)
        return await read(digest)

    store.get = get
    assert await place.broken() == []


async def test_run_that_is_erased_while_it_is_read_is_not_broken() -> None:
    """Its content is gone and its key was there: the second look finds that it was erased."""
    place, store = await archive_of(1, runs=1)
    run, read = place.runs[0], store.get

    async def get(digest: str) -> bytes:
        if digest == run.content:
            store.get = read
            await erase(place, 0, store)
        return await read(digest)

    store.get = get
    assert await place.broken() == []
    assert run.content not in store.objects


async def test_runs_just_put_away_are_read_back() -> None:
    """Before any checkpoint has them; some of them, however many there were."""
    store = MemoryStore()
    place = Archive(store)
    made = [await put_archive(store, record(seed, turns=1), FLEET) for seed in range(1, 9)]
    del store.objects[made[1].chain]
    found = await place.check(made)
    assert (found.runs, found.checkpoints) == (WRITTEN, 0)
    assert [each.run_id for each in found.broken] == [made[1].run.id]


async def test_round_comes_to_every_run_a_bounded_part_at_each_check() -> None:
    """Past the end of an agent, and of the last one, where it begins anew."""
    store = MemoryStore()
    place = Archive(store)
    for agent in ("report", "teller"):
        await place.grow(2, runs=7, agent=agent)
    for number in (-1, 0):
        last = place.runs[number]
        kept = store.objects.pop(last.chain)
        found = [await place.check() for _ in range(5)]
        assert max(each.runs for each in found) <= RUNS + 1
        assert max(each.checkpoints for each in found) <= DAYS + TIPS
        assert [each.run_id for each in found[-1].broken] == [last.run.id]
        store.objects[last.chain] = kept
        assert await place.broken() == []


async def test_check_that_comes_too_soon_says_what_is_known_and_looks_at_nothing() -> None:
    """Closed runs may be put away more often than the archive is verified."""
    place, store = await archive_of()
    await no_chain(place, store)
    first = await place.check()
    soon = Verifier(store, FLEET, TRUST, place.now + timedelta(minutes=1))
    known = await verified(soon, (), timedelta(minutes=1))
    assert (known.runs, known.broken, known.at) == (0, first.broken, first.at)


async def test_store_that_does_not_answer_breaks_nothing() -> None:
    """The check says so; what is known stays, and the time of the last check."""
    place, store = await archive_of()
    first = await place.check()

    async def down(name: str) -> bytes | None:
        raise StoreError("connection refused")

    read, store.get_ref = store.get_ref, down
    found = await place.check()
    assert "connection refused" in found.problem
    assert found.broken == ()
    store.get_ref = read
    assert (await place.check()).at == place.now
    assert first.at is not None


async def test_check_without_time_says_so_and_the_next_one_goes_on() -> None:
    """Nothing of the archive is waited for."""
    place, _ = await archive_of()
    found = await place.check(patience=timedelta(0))
    assert (found.at, "no time was left" in found.problem) == (None, True)
    assert (await place.check()).at == place.now


async def test_broken_places_are_bounded() -> None:
    """Each of them is looked at again by every check."""
    place, store = await archive_of(3, runs=10)
    for run in place.runs:
        del store.objects[run.chain]
    found = [await place.check() for _ in range(4)]
    assert len(found[-1].broken) == MOST_BROKEN


async def test_progress_that_cannot_be_read_begins_anew() -> None:
    """Another version's, or damaged."""
    place, store = await archive_of()
    await no_chain(place, store)
    store.refs[verified_place(FLEET)] = b"{"
    assert len((await place.check()).broken) == 1
