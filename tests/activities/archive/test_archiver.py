"""Runs are put away whatever dies meanwhile: none lost, none twice."""

import gzip
from contextlib import suppress
from datetime import timedelta

import pytest

from activities.audit.archive_store import FEW, find_archive, get_archive, open_archive, put_archive
from activities.stores.base import StoreError
from rota.archive import OVERLAP
from rota.audit.archived import ARCHIVES, LostRun, archive_place, lost_place
from rota.audit.content_key import Destruction
from rota.audit.reading_back import record_of
from rota.keepers.state import LedgerEntry
from rota.runs import RunStatus, Trigger
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
    """Nothing is remembered while it is down; then all are put away."""
    place = bench(monkeypatch)
    keys = [place.end(seed, days_ago(2) + timedelta(minutes=seed)) for seed in range(20)]
    place.store.fault = Down()
    down = await place.archive(checkpoints=False)
    assert (down.archived, down.failures, len(down.failed)) == (0, 20, 20)
    assert (down.lag_seconds, down.oldest_unarchived) == (2 * 86400, days_ago(2))
    with pytest.raises(StoreError):
        await place.archive(resume=True)
    place.store.fault = lambda what: None
    up = await place.archive(resume=True)
    assert (up.archived, up.failures, up.lag_seconds) == (20, 0, 0)
    assert all([await whole(place.store, key) for key in keys])
    again = await place.archive()
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
    first = await place.archive(resume=True, limit=200)
    assert (first.archived, first.left) == (200, 100)
    assert first.oldest_unarchived == days_ago(3) + timedelta(minutes=200)
    rest = await place.archive(resume=True, limit=200)
    assert (rest.archived, rest.left, rest.oldest_unarchived) == (100, 0, None)
    assert place.collected == 300
    place.looked_at = 0
    assert (await place.archive(resume=True)).skipped == place.looked_at == 0


async def test_run_that_fails_keeps_no_other_back_and_is_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However many fail, and whatever with: those that can be put away are, in a few orders."""
    place = bench(monkeypatch)
    bad = {place.end(seed, days_ago(4) + timedelta(minutes=seed)) for seed in range(30)}
    good = [place.end(seed, days_ago(1)) for seed in range(30, 40)]
    place.broken = bad
    reports = [await place.archive(resume=True, limit=10) for _ in range(2)]
    assert [each.archived for each in reports] == [0, 10]
    assert [each.failures for each in reports] == [20, 10]
    assert (reports[0].failed[0].run_id, reports[0].left) == ("report-0", 20)
    assert reports[0].failed[0].reason == "an object is damaged"
    assert reports[1].oldest_unarchived == days_ago(4)
    assert all([await whole(place.store, key) for key in good])
    place.broken = set()
    done = [(await place.archive(resume=True, limit=10)).archived for _ in range(3)]
    assert done == [10, 10, 10]


async def test_agent_that_was_not_seen_for_long_loses_no_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each agent has a cursor of its own: what others came to meanwhile is not taken for its."""
    place = bench(monkeypatch)
    place.end(1, days_ago(0.5), "seen")
    late = place.end(2, days_ago(0.5), "hidden")
    place.hidden = {"hidden"}
    assert (await place.archive(resume=True)).archived == 1
    place.hidden = set()
    assert (await place.archive(resume=True)).archived == 1
    assert await whole(place.store, late)
    place.store.aged(2)
    place.looked_at = 0
    place.end(3, days_ago(-1), "hidden")
    place.hidden = {"hidden"}
    await place.archive(resume=True)
    place.hidden = set()
    assert (await place.archive(resume=True)).archived == 1
    assert place.looked_at == 1


async def test_run_that_was_reset_waits_for_where_it_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its first archive is for good: it is not that of the cut one."""
    place = bench(monkeypatch)
    key = place.end(1, days_ago(1))
    place.reset[key] = "elsewhere"
    assert (await place.archive()).archived == 0
    assert await get_archive(place.store, key) is None


async def test_run_that_no_list_shows_is_found_in_the_ledger(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One that the server has forgotten is told as lost, noted, and holds nothing up."""
    place = bench(monkeypatch)
    late, gone = place.end(1, NOW - OVERLAP), place.end(2, days_ago(9))
    place.unlisted, place.forgotten = {late}, {gone}
    report = await place.archive(since=days_ago(10))
    assert (report.archived, report.lost, report.lag_seconds) == (1, ("report-2",), 0)
    assert await whole(place.store, late)
    noted = LostRun.model_validate_json(place.store.refs[lost_place(gone)])
    assert (noted.agent, noted.fleet, noted.ended) == ("report", "finance", days_ago(9))
    assert (await place.archive(since=days_ago(10))).lost == ()


async def test_thousands_of_runs_that_are_archived_cost_few_requests(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They are listed, not asked for one by one."""
    place = bench(monkeypatch)
    keys = [place.end(seed, days_ago(1)) for seed in range(FEW + 1)]
    place.store.refs |= {archive_place(key): b"" for key in keys[1:]}
    asked: list[str] = []
    get_ref = place.store.get_ref

    async def counted(name: str) -> bytes | None:
        asked.append(name)
        return await get_ref(name)

    monkeypatch.setattr(place.store, "get_ref", counted)
    report = await place.archive()
    assert (report.archived, report.skipped) == (1, FEW)
    assert len(asked) < 50


async def test_silent_keeper_holds_up_its_own_runs_alone_and_for_a_day(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They are not even tried; then they are archived without what the ledger says."""
    place = bench(monkeypatch)
    for seed in range(20):
        place.end(seed, days_ago(0.5), "silent")
    place.end(20, days_ago(0.1), "other")
    place.silent = {"silent"}
    report = await place.archive(resume=True, limit=5)
    assert (report.archived, report.failures + report.left, place.collected) == (1, 20, 1)
    assert report.failed[0].reason == "the keeper of silent does not answer"
    place.store.aged(1)
    assert (await place.archive(resume=True, limit=20)).archived == 20
    # What is behind it is not looked at again and again.
    place.store.aged(2)
    await place.archive(resume=True)
    place.looked_at = 0
    place.store.aged(0.1)
    await place.archive(resume=True)
    assert place.looked_at == 0


async def test_run_waits_until_its_keeper_has_noticed_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ended by hand, it stands in the ledger as at work for some minutes."""
    place = bench(monkeypatch)
    key = place.end(1, days_ago(0.1))
    entry = LedgerEntry(
        run=place.runs[key].run,
        trigger=Trigger.MANUAL,
        status=RunStatus.RUNNING,
        admitted_at=NOW,
    )
    place.runs[key] = place.runs[key].model_copy(update={"ledger": entry})
    assert (await place.archive()).failures == 1
    place.store.aged(1)
    assert (await place.archive()).archived == 1


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
