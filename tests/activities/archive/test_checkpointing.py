"""Daily checkpoints: every archived run in one of them, whatever dies meanwhile."""

from datetime import date, timedelta

import pytest

from activities.audit.archive_store import get_archive, open_archive
from activities.audit.checkpointing import newest_checkpoint
from activities.audit.proofs import checkpoint_of_run
from rota.audit.archived import PENDING
from rota.audit.bundle import BundleParts, bundle_of
from rota.audit.checking import check
from tests.activities.archive.archive_bench import Bench, bench, days_ago
from tests.activities.archive.memory_store import AtOperation, Killed
from tests.rota.audit.audit_records import signer_of, trusting, verifier_source

SIGNER = signer_of(4)


async def days_of(place: Bench, keys: list[str]) -> list[date | None]:
    """In which day's checkpoint each run is."""
    found = [await checkpoint_of_run(place.store, key) for key in keys]
    return [each.checkpoint.day if each else None for each in found]


async def test_day_that_is_over_gets_a_signed_checkpoint_bound_to_the_one_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of each agent its own; of today none."""
    place = bench(monkeypatch)
    place.signer = SIGNER
    old, new, today = place.end(1, days_ago(2)), place.end(2, days_ago(1)), place.end(3)
    other = place.end(4, days_ago(1), agent="other")
    report = await place.archive()
    assert report.checkpoints == 3
    days = [date(2026, 11, 21), date(2026, 11, 22), None, date(2026, 11, 22)]
    assert await days_of(place, [old, new, today, other]) == days
    first = await checkpoint_of_run(place.store, old)
    second = await checkpoint_of_run(place.store, new)
    assert first is not None
    assert second is not None
    assert second.checkpoint.previous == first.checkpoint.digest
    assert (second.key, bool(second.signature)) == (SIGNER.key, True)
    archived = await get_archive(place.store, new)
    assert archived is not None
    chain = (await open_archive(place.store, archived)).chain
    parts = BundleParts(
        run=archived.run, chain=chain, verifier=verifier_source(), checkpoint=second
    )
    checked = check(bundle_of(parts, SIGNER), trusting(SIGNER))
    assert (checked.problems, checked.notes) == ([], [])
    assert (await place.archive()).checkpoints == 0


async def test_run_archived_late_goes_into_the_next_checkpoint(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A checkpoint that is made never changes."""
    place = bench(monkeypatch)
    place.end(1, days_ago(1))
    await place.archive()
    late = place.end(2, days_ago(1.2))
    await place.archive()
    assert await days_of(place, [late]) == [None]
    place.store.aged(1)
    await place.archive()
    assert await days_of(place, [late]) == [date(2026, 11, 23)]
    newest = await newest_checkpoint(place.store, "report")
    assert newest is not None
    assert newest.checkpoint.count == 1


async def test_day_waits_for_its_runs_but_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that cannot be archived holds its day up for a day."""
    place = bench(monkeypatch)
    bad, good = place.end(1, days_ago(0.6)), place.end(2, days_ago(0.7))
    place.broken = {bad}
    assert (await place.archive()).checkpoints == 0
    place.store.aged(1)
    assert (await place.archive()).checkpoints == 1
    assert await days_of(place, [good, bad]) == [date(2026, 11, 22), None]


async def test_killed_at_any_write_each_run_is_in_exactly_one_checkpoint(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And none waits any more."""
    for number in range(1, 40):
        place = bench(monkeypatch)
        keys = [place.end(seed, days_ago(3) + timedelta(hours=9 * seed)) for seed in range(4)]
        await place.archive(checkpoints=False)
        place.store.fault = AtOperation(number)
        try:
            await place.archive()
        except Killed:
            place.store.fault = lambda what: None
            await place.archive()
        days = await days_of(place, keys)
        assert all(days)
        counts = 0
        for day in set(days):
            key = keys[days.index(day)]
            made = await checkpoint_of_run(place.store, key)
            assert made is not None
            counts += made.checkpoint.count
        assert counts == len(keys)
        assert await place.store.list_refs(PENDING) == []


async def test_checkpoint_of_an_agent_that_has_signed_ones_is_not_made_unsigned(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A checkpoint stands for good: without the key, its day waits for somebody who has it."""
    place = bench(monkeypatch)
    place.signer = SIGNER
    place.end(1, days_ago(2))
    assert (await place.archive()).checkpoints == 1
    late = place.end(2, days_ago(1))
    place.signer = None
    assert (await place.archive()).checkpoints == 0
    place.signer = SIGNER
    assert (await place.archive()).checkpoints == 1
    assert await days_of(place, [late]) == [date(2026, 11, 22)]
