"""Runs are put away whatever dies meanwhile: none lost, none twice."""

import gzip
from contextlib import suppress
from datetime import timedelta

import pytest

from activities.audit.archive_store import find_archive, get_archive, open_archive, put_archive
from activities.audit.archiver import OVERLAP
from activities.stores.base import StoreError
from rota.audit.archived import ARCHIVES
from rota.audit.content_key import Destruction
from rota.audit.reading_back import record_of
from tests.activities.archive.archive_bench import bench, days_ago
from tests.activities.archive.memory_store import NOW, AtOperation, Down, Killed, MemoryStore
from tests.rota.audit.audit_records import record

OPERATIONS = 14
"""Failpoints of one archive, before and after each write."""


async def whole(store: MemoryStore, run_key: str) -> bool:
    """True if a run is archived and can be read back as it was."""
    run = await get_archive(store, run_key)
    assert run is not None
    opened = await open_archive(store, run)
    content = {piece.place: piece.data for piece in opened.chain.pieces}
    assert opened.chain.head == run.head
    return record_of(opened.chain.records, content).run.key == run_key


async def test_archive_gives_back_the_record_and_hides_its_content() -> None:
    """What was put away is the record as it was; nothing of its words lies in the store."""
    store = MemoryStore()
    made = record(3, turns=4).model_copy(update={"output": {"text": "nobody's business"}})
    run = await put_archive(store, made)
    opened = await open_archive(store, run)
    content = {piece.place: piece.data for piece in opened.chain.pieces}
    back = record_of(opened.chain.records, content)
    assert back == made.model_copy(update={"notes": back.notes})
    assert await find_archive(store, made.run.id) == run
    for data, _ in store.objects.values():
        clear = gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data
        assert b"nobody's business" not in clear
    chain = gzip.decompress(store.objects[run.chain][0])
    assert chain.count(b"\n") == run.records


@pytest.mark.parametrize("error", [Killed, StoreError])
@pytest.mark.parametrize("number", range(1, OPERATIONS + 1))
async def test_archive_interrupted_at_any_write_is_made_whole_by_the_next_attempt(
    number: int, error: type[BaseException]
) -> None:
    """Killed or refused before or after each write; the same objects, and one ref."""
    untouched = MemoryStore()
    made = record(5, turns=2)
    store = MemoryStore(fault=AtOperation(number, error))
    with pytest.raises(error):
        await put_archive(store, made)
    store.fault = lambda what: None
    await put_archive(store, made)
    assert await whole(store, made.run.key)
    key = next(name for name in store.refs if name.startswith("audit/keys"))
    untouched.refs[key] = store.refs[key]
    await put_archive(untouched, made)
    assert untouched.objects.keys() == store.objects.keys()
    assert untouched.refs == store.refs


async def test_failpoints_are_all_there_are() -> None:
    """The test above meets every write."""
    counter = AtOperation(0)
    await put_archive(MemoryStore(fault=counter), record(5, turns=2))
    assert counter.seen == OPERATIONS


async def test_store_that_was_down_loses_no_run_and_takes_none_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """While it is down every run counts as not archived, with its lag; then all are put away."""
    place = bench(monkeypatch)
    keys = [place.end(seed, days_ago(2) + timedelta(minutes=seed)) for seed in range(20)]
    place.store.fault = Down()
    down = await place.archive(checkpoints=False)
    assert (down.archived, down.failures, len(down.failed)) == (0, 20, 20)
    assert (down.lag_seconds, down.cursor) == (2 * 86400, days_ago(2))
    place.store.fault = lambda what: None
    up = await place.archive(since=down.cursor)
    assert (up.archived, up.failures, up.lag_seconds) == (20, 0, 0)
    assert all([await whole(place.store, key) for key in keys])
    again = await place.archive(since=down.cursor)
    assert (again.archived, again.skipped, again.lag_seconds) == (0, 20, 0)


async def test_killed_again_and_again_all_runs_are_archived_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Killed at every write in turn, over several runs at once."""
    place = bench(monkeypatch)
    keys = [place.end(seed, days_ago(1.5)) for seed in range(6)]
    number = 1
    while len(await place.store.list_refs(ARCHIVES)) < len(keys):
        place.store.fault = AtOperation(number)
        with suppress(BaseExceptionGroup, Killed):
            await place.archive(checkpoints=False)
        number += 3
    place.store.fault = lambda what: None
    assert (await place.archive()).archived == 0
    assert all([await whole(place.store, key) for key in keys])
    assert len(await place.store.list_refs(ARCHIVES)) == len(keys)


async def test_hundreds_of_runs_go_in_bounded_steps_the_oldest_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An attempt takes no more than its limit; what is left shows, and so does its age."""
    place = bench(monkeypatch)
    for seed in range(300):
        place.end(seed, days_ago(3) + timedelta(minutes=seed))
    first = await place.archive(limit=200)
    assert (first.archived, first.left) == (200, 100)
    assert first.oldest_unarchived == days_ago(3) + timedelta(minutes=200)
    rest = await place.archive(since=first.cursor, limit=200)
    assert (rest.archived, rest.left, rest.oldest_unarchived) == (100, 0, None)
    assert rest.cursor == NOW
    assert place.collected == 300


async def test_run_that_fails_keeps_no_other_back_and_is_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The cursor waits for it, so the next order finds it."""
    place = bench(monkeypatch)
    bad, good = place.end(1, days_ago(4)), place.end(2, days_ago(1))
    place.broken = {bad}
    report = await place.archive()
    assert (report.archived, report.failed[0].run_id) == (1, "report-1")
    assert (report.failed[0].reason, report.cursor) == ("an object is damaged", days_ago(4))
    place.broken = set()
    assert (await place.archive(since=report.cursor)).archived == 1
    assert await whole(place.store, bad)
    assert await whole(place.store, good)


async def test_run_that_no_list_shows_is_found_in_the_ledger(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One that the server has forgotten is told as lost, and holds nothing up."""
    place = bench(monkeypatch)
    late, gone = place.end(1, NOW - OVERLAP), place.end(2, days_ago(9))
    place.unlisted, place.forgotten = {late}, {gone}
    report = await place.archive(since=days_ago(10))
    assert (report.archived, report.lost, report.lag_seconds) == (1, ("report-2",), 0)
    assert await whole(place.store, late)


async def test_cursor_stands_while_a_ledger_is_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a silent keeper knows of may be older than what the lists show."""
    place = bench(monkeypatch)
    place.end(1, days_ago(1))
    place.unread = ("report",)
    assert (await place.archive(since=days_ago(2))).cursor == days_ago(2)


async def test_run_waits_for_its_ledger_a_day_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    """A keeper that does not answer costs a retry, not the record."""
    place = bench(monkeypatch)
    key = place.end(1, days_ago(0.5))
    note = "the ledger was not read: nobody answers"
    place.runs[key] = place.runs[key].model_copy(update={"notes": (note,)})
    assert (await place.archive()).failures == 1
    place.store.aged(1)
    assert (await place.archive()).archived == 1


async def test_erased_run_is_not_archived_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever had its content destroyed meant it."""
    place = bench(monkeypatch)
    key = place.end(1)
    gone = Destruction(by="ann", reason="asked for", at=NOW)
    place.store.refs[f"audit/keys/{key}"] = (
        b'{"destroyed":' + gone.model_dump_json().encode() + b"}"
    )
    report = await place.archive()
    assert (report.archived, report.skipped, report.failures) == (0, 1, 0)
