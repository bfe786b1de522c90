"""Many closed runs at once: each order looks at what it can put away, not at all of them."""

from datetime import timedelta

import pytest

from activities.audit.archiver import FAILURES
from activities.audit.unarchived import LOOKS_AT_ONCE
from tests.activities.archive.archive_bench import Bench, bench, days_ago

RUNS = 150
LIMIT = 10
MOST_LOOKS = LIMIT * (1 + FAILURES) + 2 * LOOKS_AT_ONCE


def backlog(place: Bench, agent: str = "report", first: int = 0) -> list[str]:
    """Runs that ended minute by minute, an hour and more ago."""
    begin = days_ago(0.5)
    seeds = range(first, first + RUNS)
    return [place.end(seed, begin + seed * timedelta(minutes=1), agent) for seed in seeds]


async def test_order_looks_at_no_more_of_a_backlog_than_it_may_put_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever the size of the backlog; nothing is passed over, what is left is told."""
    place = bench(monkeypatch)
    backlog(place)
    for order in range(1, RUNS // LIMIT + 1):
        place.described = place.followed = 0
        report = await place.archive(resume=True, limit=LIMIT, checkpoints=False)
        assert (report.archived, report.left) == (LIMIT, RUNS - order * LIMIT)
        assert (place.described <= MOST_LOOKS, place.followed) == (True, 0)
        oldest = days_ago(0.5) + timedelta(minutes=order * LIMIT)
        assert report.oldest_unarchived == (oldest if report.left else None)
    assert (await place.archive(resume=True)).archived == 0
    assert place.collected == RUNS


async def test_runs_that_failed_or_wait_for_their_keeper_are_looked_at_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However many there are and however old: those that can be put away are found."""
    place = bench(monkeypatch)
    backlog(place, "silent")
    place.broken = {*backlog(place, "broken", RUNS)}
    good = backlog(place, "good", 2 * RUNS)
    place.silent = {"silent"}
    archived = 0
    for _ in range(3 * RUNS // LIMIT):
        archived += (await place.archive(resume=True, limit=LIMIT, checkpoints=False)).archived
        if archived == len(good):
            break
    assert archived == len(good)
    place.silent, place.broken = set(), set()
    last = await place.archive(resume=True, limit=10 * RUNS, checkpoints=False)
    assert (last.archived, last.left, last.failures) == (2 * RUNS, 0, 0)


async def test_run_of_a_ledger_holds_its_agent_back_until_it_is_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The server has forgotten it, and lists a later one of the same name."""
    place = bench(monkeypatch)
    keys = backlog(place)
    lost = place.end(RUNS, days_ago(0.9))
    place.forgotten = {lost}
    newest = place.runs[keys[-1]]
    ref = place.runs[lost].run.model_copy(update={"id": newest.run.id})
    place.runs[lost] = place.runs[lost].model_copy(update={"run": ref})
    losses = archived = 0
    for _ in range(RUNS // LIMIT + 1):
        report = await place.archive(resume=True, limit=LIMIT, checkpoints=False)
        losses += len([name for name in place.store.refs if name.endswith(lost)])
        archived += report.archived
    assert (archived, losses > 0) == (RUNS, True)
