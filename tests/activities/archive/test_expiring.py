"""Runs go when their fleet says so, unless somebody holds them; nothing of them stays."""

from contextlib import suppress
from datetime import timedelta

import pytest

from activities.audit.archive_progress import note_lost
from activities.audit.archive_store import encoded, get_archive, is_done, put_archive
from activities.audit.holding import all_holds, place_hold, release_hold
from rota.audit.archived import LostRun
from rota.audit.retention import Hold, Release, hold_place
from rota.model import digest_of
from tests.activities.archive.archive_bench import FLEET, days_ago
from tests.activities.archive.collecting_bench import archived, collected
from tests.activities.archive.memory_store import NOW, AtOperation, Killed, MemoryStore
from tests.rota.audit.audit_records import record


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
