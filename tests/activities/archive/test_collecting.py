"""Garbage collection: what anything refers to stays, whatever dies or writes meanwhile."""

import asyncio
import random
from collections.abc import Collection
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from activities.audit.archive_store import get_archive
from activities.stores.base import StoreError
from activities.stores.local import LocalStore
from rota.keepers.state import LedgerEntry
from rota.model import canonical_json, digest_of
from rota.runs import RunStatus, Trigger
from rota.steps import LedgerPage
from tests.activities.archive.collecting_bench import GRACE, archived, collected
from tests.activities.archive.memory_store import NOW, AtOperation, Killed, MemoryStore
from tests.rota.audit.audit_records import BEGAN, record


def reachable(store: MemoryStore, server: Collection[bytes]) -> set[str]:
    """What must stay, found another way: by looking for every digest in every byte."""
    young = {key for key, (_, at) in store.objects.items() if at >= NOW - GRACE}
    texts = [*server, *store.refs.values(), *(name.encode() for name in store.refs)]
    kept = young | {key for key in store.objects if any(key.encode() in text for text in texts)}
    while True:
        more = {
            key
            for key in store.objects.keys() - kept
            if any(key.encode() in store.objects[other][0] for other in kept)
        }
        if not more:
            return kept
        kept |= more


def graph(dice: random.Random) -> tuple[MemoryStore, list[bytes]]:
    """Objects of any age that name others, refs to some, and what a server says."""
    store = MemoryStore()
    digests: list[str] = []
    for number in range(dice.randint(0, 25)):
        named = dice.sample(digests, min(len(digests), dice.randint(0, 3)))
        glue = dice.choice((",", '"', "a", "0"))  # what looks like a longer number, too
        data = f"{number}:{glue.join(named)}".encode()
        age = timedelta(days=dice.choice((0.1, 6, 8, 90)))
        store.objects[digest_of(data)] = (data, NOW - age)
        digests.append(digest_of(data))
    for number, digest in enumerate(dice.sample(digests, min(len(digests), dice.randint(0, 4)))):
        if dice.random() < 0.5:
            store.refs[f"replies/run-{number}/1"] = f'{{"head":"{digest}"}}'.encode()
        else:
            store.refs[f"pins/{digest}"] = b""
    server = [dice.choice(digests).encode() for _ in range(dice.randint(0, 2)) if digests]
    return store, server


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**9))
def test_nothing_that_is_referred_to_goes_and_all_else_does(seed: int) -> None:
    """Random graphs; interrupted anywhere, then repeated to the end."""

    async def play() -> None:
        dice = random.Random(seed)
        store, server = graph(dice)
        kept = reachable(store, server)
        told = await collected(store, server, dry_run=True)
        assert told.removed == len(store.objects) - len(kept)
        store.fault = AtOperation(dice.randint(1, 12), dice.choice((Killed, StoreError)))
        with suppress(Killed, StoreError):
            await collected(store, server)
        assert kept <= store.objects.keys()
        store.fault = lambda what: None
        await collected(store, server)
        assert store.objects.keys() == kept

    asyncio.run(play())


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10**9))
def test_what_a_run_writes_meanwhile_is_whole_afterwards(seed: int) -> None:
    """A writer puts objects that were garbage, then what names them, then a ref, at any time."""

    async def play() -> None:
        dice = random.Random(seed)
        store, server = graph(dice)
        waste = sorted(store.objects.keys() - reachable(store, server))
        again = [store.objects[key][0] for key in dice.sample(waste, min(len(waste), 3))]
        steps = [*again, b"names " + b" ".join(digest_of(each).encode() for each in again)]
        when = sorted(dice.randint(1, 20) for _ in steps)
        seen = 0

        def write(what: str) -> None:
            nonlocal seen
            seen += 1
            while when and seen >= when[0]:
                when.pop(0)
                data = steps.pop(0)
                store.objects[digest_of(data)] = (data, NOW)
                if not steps:
                    store.refs["replies/new/1"] = digest_of(data).encode()

        store.fault = write
        await collected(store, server)
        done = {digest_of(each) for each in again} if not steps else set[str]()
        assert done <= store.objects.keys()
        assert reachable(store, server) <= store.objects.keys()

    asyncio.run(play())


async def test_ledger_keeps_no_result_of_a_run_that_is_gone_but_all_others() -> None:
    """Entries stay for good; what they name goes with its run."""
    store = MemoryStore()
    keys = [await archived(store, seed, days) for seed, days in ((1, 500), (2, 300))]
    entries = [
        LedgerEntry(
            run=record(seed).run,
            trigger=Trigger.MANUAL,
            status=RunStatus.SUCCEEDED,
            admitted_at=BEGAN,
            output=digest_of(b"result of %d" % seed),
        )
        for seed in (1, 2)
    ]
    assert [entry.key for entry in entries] == keys
    store.now = NOW - timedelta(days=90)
    page = LedgerPage(entries=tuple(entries))
    digest = await store.put(canonical_json(page.model_dump(mode="json")))
    await collected(store, [digest.encode()], default=timedelta(days=400))
    assert digest in store.objects
    assert digest_of(b"result of 1") not in store.objects
    assert digest_of(b"result of 2") in store.objects


async def test_what_nobody_can_decide_is_kept_and_said() -> None:
    """A class that is not declared; a store that another namespace uses; a damaged object."""
    store = MemoryStore()
    spec = {"kind": "Agent", "retention": "medical"}
    key = await archived(store, 1, 5000, spec=spec)
    report = await collected(store, default=timedelta(days=400))
    assert "'medical' of report is not in fleet.yaml" in report.undecided[0]
    assert await get_archive(store, key) is not None
    assert (await collected(store, medical=timedelta(days=9000))).undecided == ()
    await archived(store, 2, 500, namespace="elsewhere")
    garbage = digest_of(b"waste")
    store.objects[garbage] = (b"waste", NOW - timedelta(days=99))
    shared = await collected(store, default=timedelta(days=400))
    assert (shared.swept, shared.expired) == (False, ())
    assert "'elsewhere'" in shared.undecided[-1]
    assert garbage in store.objects


async def test_store_with_a_damaged_object_that_is_referred_to_is_not_swept(
    tmp_path: Path,
) -> None:
    """What it referred to cannot be known."""
    store = LocalStore(tmp_path)
    digest = await store.put(b"a document")
    await store.set_ref("replies/run/1", digest.encode())
    waste = await store.put(b"waste")
    later = datetime.now(NOW.tzinfo) + timedelta(days=30)
    (tmp_path / "objects" / digest[:2] / digest[2:]).write_bytes(b"something else")
    report = await collected(store, now=later)
    assert not report.swept
    assert digest in report.undecided[0]
    assert await store.get(waste)
    await store.delete(digest, later)
    assert (await collected(store, now=later)).removed == 1
