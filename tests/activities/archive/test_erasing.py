"""Erasure: content goes for good, the chain still verifies, others lose nothing."""

from collections.abc import AsyncIterator, Collection
from contextlib import suppress
from datetime import timedelta

import pytest

from activities.audit.archive_store import all_archives, get_archive, open_archive, put_archive
from activities.audit.checkpointing import make_checkpoints
from activities.audit.content_keys import content_key
from activities.audit.erasing import Eraser, HeldError
from activities.audit.holding import place_hold
from activities.audit.proofs import checkpoint_of_run
from rota.audit.archived import Erasure
from rota.audit.bundle import BundleParts, bundle_of
from rota.audit.checking import check
from rota.audit.content_key import Destruction
from rota.audit.hashing import erasure_key
from rota.model import digest_of
from tests.activities.archive.memory_store import NOW, AtOperation, Killed, MemoryStore
from tests.rota.audit.audit_records import record, signer_of, trusting, verifier_source

GONE = Destruction(by="ann", reason="asked by the subject", at=NOW + timedelta(hours=1))


async def office() -> tuple[MemoryStore, str]:
    """Two archived runs that share an object; the first one's key."""
    store = MemoryStore()
    shared = await store.put(b"shared")
    for seed in (1, 2):
        own = [await store.put(b"own %d %d" % (seed, number)) for number in range(2)]
        made = record(seed, turns=2).model_copy(update={"objects": tuple(sorted((*own, shared)))})
        await store.set_ref(f"replies/{made.run.key}/1", own[0].encode())
        await put_archive(store, made)
    return store, record(1).run.key


async def erased(store: MemoryStore, key: str, *, dry_run: bool = False) -> Erasure:
    """One erasure, with a server that refers to nothing."""

    async def roots(gone: Collection[str]) -> AsyncIterator[bytes]:
        for data in (b"",):
            yield data

    run = await get_archive(store, key)
    assert run is not None
    eraser = Eraser(store, roots)
    return await eraser.erase(run, await all_archives(store), GONE, dry_run=dry_run)


async def test_hold_that_is_placed_while_an_erasure_looks_around_is_kept() -> None:
    """Reading all that others refer to may take minutes."""
    store, key = await office()
    run = await get_archive(store, key)
    assert run is not None

    async def slow(gone: Collection[str]) -> AsyncIterator[bytes]:
        await place_hold(store, by="bob", reason="suit 12/26", at=NOW, run=key)
        yield b""

    with pytest.raises(HeldError, match="suit 12/26"):
        await Eraser(store, slow).erase(run, [run], GONE, dry_run=False)
    assert (await content_key(store, key)).secret


async def test_record_of_an_erasure_lets_nobody_guess_what_stood_there() -> None:
    """Not even a digest of what stays, such as a result that its keeper still names."""
    store, key = await office()
    await erased(store, key)
    told = store.refs[f"audit/erasures/{key}"].decode()
    assert digest_of(b"shared") not in told


async def assert_gone(store: MemoryStore, key: str) -> None:
    """The content of the run is nowhere, its chain verifies, and the other run is whole."""
    run = await get_archive(store, key)
    assert run is not None
    assert (run.content, run.objects, run.destroyed) == (None, (), GONE)
    assert (await content_key(store, key)).secret == b""
    opened = await open_archive(store, run)
    parts = BundleParts(
        run=run.run, chain=opened.chain, verifier=verifier_source(), destroyed=run.destroyed
    )
    report = check(bundle_of(parts, signer_of(1)), trusting(signer_of(1)))
    assert report.problems == []
    assert any("pieces of content were erased" in note for note in report.notes)
    assert report.head == run.head
    assert digest_of(b"own 1 0") not in store.objects
    assert digest_of(b"own 1 1") not in store.objects
    assert digest_of(b"shared") in store.objects
    assert not any(name.startswith(f"replies/{key}") for name in store.refs)
    other = await get_archive(store, record(2).run.key)
    assert other is not None
    assert (await open_archive(store, other)).chain.pieces
    assert digest_of(b"own 2 0") in store.objects


async def test_erased_run_leaves_a_chain_that_verifies_and_a_record_of_who_and_why() -> None:
    """What it shared stays and is told; again it says the same."""
    store, key = await office()
    before = dict(store.objects)
    plan = await erased(store, key, dry_run=True)
    assert (plan.objects, plan.refs, plan.kept) == (2, 1, 1)
    assert store.objects == before
    done = await erased(store, key)
    assert (done.objects, done.refs, done.destruction) == (2, 1, GONE)
    await assert_gone(store, key)
    assert await erased(store, key) == done


@pytest.mark.parametrize("number", range(1, 26))
async def test_erasure_that_dies_anywhere_is_finished_by_the_next(number: int) -> None:
    """At any write; nothing of another run goes."""
    store, key = await office()
    store.fault = AtOperation(number)
    with suppress(Killed):
        await erased(store, key)
    store.fault = lambda what: None
    await erased(store, key)
    await assert_gone(store, key)


async def test_erasure_goes_into_the_next_checkpoint_of_its_agent() -> None:
    """Nobody invents one afterwards, nor changes who and why; once, however often it is asked."""
    store, key = await office()
    await erased(store, key)
    signer, tomorrow = signer_of(1), (NOW + timedelta(days=1)).date()
    days = [
        await make_checkpoints(store, signer, tomorrow, NOW, ["report"]),
        await make_checkpoints(store, signer, tomorrow, NOW, ["report"]),
    ]
    assert days[-1] == 0
    run = await get_archive(store, key)
    assert run is not None
    parts = BundleParts(
        run=run.run,
        chain=(await open_archive(store, run)).chain,
        verifier="",
        destroyed=run.destroyed,
        checkpoint=await checkpoint_of_run(store, key),
        erasure_checkpoint=await checkpoint_of_run(store, erasure_key(key)),
    )
    report = check(bundle_of(parts, signer), trusting(signer))
    assert report.problems == []
    assert not any("not yet in a checkpoint" in note for note in report.notes)


async def test_held_run_is_not_erased() -> None:
    """Who holds it and why is in the refusal."""
    store, key = await office()
    await place_hold(store, by="bob", reason="suit 12/26", at=NOW, agent="report")
    with pytest.raises(HeldError, match="bob has report-1 held: suit 12/26"):
        await erased(store, key)
    assert (await content_key(store, key)).secret
