"""Garbage collection: what anything refers to stays, whatever dies or writes meanwhile."""

import asyncio
import random
from collections.abc import AsyncIterator, Collection
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activities.audit.archive_progress import note_lost
from activities.audit.archive_store import encoded, get_archive, is_done, put_archive
from activities.audit.collecting import Collector
from activities.audit.holding import all_holds, place_hold, release_hold
from activities.stores.base import ObjectStore, StoreError
from activities.stores.local import LocalStore
from rota.audit.archived import LostRun
from rota.audit.collected import GcReport
from rota.audit.retention import FleetRetention, Hold, Release, hold_place
from rota.keeper_state import LedgerEntry
from rota.model import canonical_json, digest_of
from rota.runs import RunStatus, Trigger
from rota.steps import LedgerPage
from tests.activities.archive.archive_bench import FLEET, days_ago
from tests.activities.archive.memory_store import NOW, AtOperation, Killed, MemoryStore
from tests.rota.audit.audit_records import BEGAN, record

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


async def test_run_whose_retention_is_over_goes_whole_and_is_not_archived_again() -> None:
    """Archive, key, steps, objects; that it is gone is on record. A younger one stays."""
    store = MemoryStore()
    old, young = await archived(store, 1, 500), await archived(store, 2, 300)
    told = await collected(store, dry_run=True, default=timedelta(days=400))
    assert (told.expired, told.swept) == (("report-1",), True)
    assert await get_archive(store, old) is not None
    done = await collected(store, default=timedelta(days=400))
    assert (done.expired, done.removed, done.bytes) == (told.expired, told.removed, told.bytes)
    assert (await get_archive(store, old), await is_done(store, old)) == (None, True)
    assert not any(old in name for name in store.refs if "expired" not in name)
    assert await get_archive(store, young) is not None
    assert digest_of(b"turn of 2") in store.objects
    assert digest_of(b"turn of 1") not in store.objects


@pytest.mark.parametrize("number", range(1, 30, 2))
async def test_expiry_that_dies_anywhere_is_finished_by_the_next(number: int) -> None:
    """No half of a run stays."""
    store = MemoryStore()
    old = await archived(store, 1, 500)
    store.fault = AtOperation(number)
    with suppress(Killed):
        await collected(store, default=timedelta(days=400))
    store.fault = lambda what: None
    await collected(store, default=timedelta(days=400))
    assert {name for name in store.refs if old in name} == {f"audit/expired/{old}"}
    assert store.objects == {}


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


async def test_fleet_takes_its_own_runs_alone() -> None:
    """Whatever the classes of another are called; of whom no fleet is known it is said."""
    store = MemoryStore()
    mine = await archived(store, 1, 500)
    other = await archived(store, 2, 500, fleet="legal")
    report = await collected(store, default=timedelta(days=30))
    assert (report.expired, report.others, report.undecided) == (("report-1",), 1, ())
    assert await get_archive(store, mine) is None
    assert await get_archive(store, other) is not None
    nobody = record(3).model_copy(update={"ended": days_ago(500)})
    await put_archive(store, nobody)
    report = await collected(store, default=timedelta(days=30))
    assert (report.expired, report.others) == ((), 1)
    assert report.undecided == ("no fleet is known of runs of report: kept",)
    assert await get_archive(store, nobody.run.key) is not None


async def test_run_that_was_lost_leaves_nothing_when_its_retention_is_over() -> None:
    """Nobody archived it: the record of its steps is all there is of it."""
    store = MemoryStore(now=days_ago(500))
    run = record(1).run
    node = await store.put(b"turn of 1")
    await store.set_ref(f"replies/{run.key}/1", node.encode())
    await note_lost(store, LostRun(run=run, agent="report", fleet=FLEET, ended=store.now))
    store.now = NOW
    assert (await collected(store, default=timedelta(days=900))).removed == 0
    hold = await place_hold(store, by="ann", reason="suit", at=NOW, agent="report")
    assert (await collected(store, default=timedelta(days=400))).held == ("report-1",)
    await release_hold(store, hold.id, Release(by="bob", reason="settled", at=NOW))
    report = await collected(store, default=timedelta(days=400))
    assert (report.expired, report.removed) == (("report-1",), 1)
    assert [name for name in store.refs if run.key in name] == [f"audit/expired/{run.key}"]


async def test_hold_that_is_placed_meanwhile_keeps_what_has_not_gone_yet() -> None:
    """Of hundreds of runs, which take minutes."""
    store = MemoryStore()
    keys = [await archived(store, seed, 500) for seed in range(60)]
    seen: list[str] = []

    def place(what: str) -> None:
        if what.startswith("set audit/expired/"):
            seen.append(what)
        if len(seen) == 1 and not any(name.startswith("audit/holds") for name in store.refs):
            hold = Hold(id="h", agent="report", by="ann", reason="suit", at=NOW)
            store.refs[hold_place("h")] = encoded(hold)

    store.fault = place
    report = await collected(store, default=timedelta(days=400))
    assert (len(report.expired), len(report.held)) == (20, 40)
    left = [key for key in keys if await get_archive(store, key) is not None]
    assert len(left) == 40


async def test_held_run_is_not_collected_until_it_is_released() -> None:
    """By itself or by its agent; who released it and why stays on record."""
    store = MemoryStore()
    one = await archived(store, 1, 500)
    two = await archived(store, 2, 500, agent="other")
    first = await place_hold(store, by="ann", reason="suit", at=NOW, run=one, run_id="report-1")
    await place_hold(
        store, by="ann", reason="audit", at=NOW, agent="other", until=NOW + timedelta(days=1)
    )
    report = await collected(store, default=timedelta(days=400))
    assert (report.expired, sorted(report.held)) == ((), ["report-1", "report-2"])
    await release_hold(store, first.id, Release(by="bob", reason="settled", at=NOW))
    later = await collected(store, default=timedelta(days=400), now=NOW + timedelta(days=2))
    assert sorted(later.expired) == ["report-1", "report-2"]
    assert (await get_archive(store, one), await get_archive(store, two)) == (None, None)
    assert [hold.released and hold.released.by for hold in await all_holds(store)] == ["bob", None]


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
