"""The ledger: covers, open runs, paging."""

from datetime import timedelta

import pytest

from rota.keepers import ledger
from rota.keepers.admission import Decision
from rota.keepers.state import KeeperState
from rota.runs import Covers, RunStatus, Trigger
from tests.rota.keepers.desks import HOUR, T0, Desk, run


def succeed(desk: Desk, hour: int, status: RunStatus = RunStatus.SUCCEEDED) -> None:
    """One scheduled run from start to end."""
    slot = T0 + hour * HOUR
    assert desk.at(slot).admit(f"r{hour}", slot).decision is Decision.GO
    desk.settle(f"r{hour}", status)


@pytest.mark.parametrize("status", [RunStatus.FAILED, RunStatus.CANCELLED, RunStatus.BLOCKED])
def test_covers_starts_at_the_last_success(status: RunStatus) -> None:
    """A failed slot is covered by the next run: nothing falls between two runs."""
    desk = Desk()
    succeed(desk, 0)
    succeed(desk, 1, status)
    assert desk.admit("r2", T0 + 2 * HOUR).covers == Covers(start=T0, end=T0 + 2 * HOUR)


def test_covers_of_the_first_run_has_no_start() -> None:
    """None says: from the beginning."""
    assert Desk().admit("r0", T0).covers == Covers(start=None, end=T0)


def test_covers_leaves_no_gap_where_a_handoff_came_between() -> None:
    """What was done for a caller is not what the schedule's next run answers for."""
    desk = Desk()
    succeed(desk, 0)
    called = desk.admit("called", T0 + HOUR / 2, trigger=Trigger.HANDOFF)
    desk.settle("called")
    assert called.covers is None
    assert desk.admit("next", T0 + HOUR).covers == Covers(start=T0, end=T0 + HOUR)


def test_covers_without_a_slot_is_none() -> None:
    """A run for no slot answers for no interval."""
    assert Desk().admit("r0").covers is None


def test_covers_of_an_older_slot_never_runs_backwards() -> None:
    """A backfilled slot covers from the success before it, not from the newest one."""
    desk = Desk()
    for hour in (0, 1, 4):
        succeed(desk, hour)
    answer = desk.admit("late", T0 + 3 * HOUR, trigger=Trigger.MANUAL)
    assert answer.covers == Covers(start=T0 + HOUR, end=T0 + 3 * HOUR)
    desk.settle("late")
    assert desk.session().last_slot == T0 + 4 * HOUR


def test_covers_of_a_repeated_slot_is_the_same() -> None:
    """A re-run of a slot answers for what the slot answered for."""
    desk = Desk()
    for hour in (0, 1):
        succeed(desk, hour)
    again = desk.admit("again", T0 + HOUR, trigger=Trigger.MANUAL)
    assert again.covers == desk.entry("r1").covers == Covers(start=T0, end=T0 + HOUR)


def test_covers_of_another_session_is_its_own() -> None:
    """Each session has its own last success."""
    desk = Desk(session_key="{input.a}")
    desk.admit("r1", T0, input={"a": "x"})
    desk.settle("r1")
    assert desk.admit("r2", T0 + HOUR, input={"a": "y"}).covers == Covers(end=T0 + HOUR)


def test_covers_of_a_run_that_waited_counts_from_its_grant() -> None:
    """What the holder did meanwhile is not done again."""
    desk = Desk()
    desk.admit("r1", T0)
    desk.at(T0 + HOUR).admit("r2", T0 + HOUR)
    desk.settle("r1")
    granted = desk.grant()
    assert granted is not None
    assert granted.covers == Covers(start=T0, end=T0 + HOUR) == desk.entry("r2").covers


def test_open_runs_lists_those_without_an_end() -> None:
    """Only runs admitted before the given time, waiting ones included, oldest first."""
    desk = Desk()
    for minute, name in enumerate(("done", "holder", "waiter", "fresh")):
        desk.at(T0 + timedelta(minutes=minute)).admit(name)
        if name == "done":
            desk.settle(name)
    opened = ledger.open_runs(desk.state, before=T0 + timedelta(minutes=3))
    assert opened == [run("holder"), run("waiter")]


def test_entries_to_page_takes_the_oldest_closed_ones() -> None:
    """Open runs stay however old; the newest stay; nothing is paged twice."""
    desk = Desk(session_concurrency="parallel")
    for n in range(6):
        desk.admit(f"r{n}")
        if n != 1:
            desk.settle(f"r{n}")
    keys = ledger.entries_to_page(desk.state, keep=3)
    assert keys == [run(f"r{n}").key for n in (0, 2, 3)]
    after = ledger.paged(desk.state, keys, "page1")
    assert [entry.run for entry in after.ledger.values()] == [run("r1"), run("r4"), run("r5")]
    assert (after.pages, after.paged) == ("page1", 3)
    assert ledger.entries_to_page(after, keep=3) == []
    assert ledger.entries_to_page(KeeperState(), keep=0) == []


def test_settle_of_a_paged_run_changes_nothing() -> None:
    """A report repeated after its entry has moved away is answered, not recorded again."""
    desk = Desk()
    desk.admit("r1")
    desk.settle("r1")
    desk.state = ledger.paged(desk.state, [run("r1").key], "page1")
    before = desk.state
    desk.settle("r1")
    assert desk.state == before


def _paged(desk: Desk, keep: int) -> None:
    keys = ledger.entries_to_page(desk.state, keep=keep)
    desk.state = ledger.paged(desk.state, keys, "page")


def test_slot_on_a_page_is_not_run_again_by_its_schedule() -> None:
    """What succeeded stays done after its entry has left the keeper."""
    desk = Desk()
    for hour in range(6):
        succeed(desk, hour)
    _paged(desk, keep=2)
    answer = desk.at(T0 + 6 * HOUR).admit("again", T0 + HOUR, backfill=True)
    assert answer.decision is Decision.SKIP
    assert "rota run report --slot 2026-11-22T07:00:00Z" in answer.reason


def test_slot_before_every_page_may_still_run() -> None:
    """A backfill of times before the agent existed is not mistaken for a repetition."""
    desk = Desk()
    for hour in range(6):
        succeed(desk, hour)
    _paged(desk, keep=2)
    answer = desk.at(T0 + 6 * HOUR).admit("before", T0 - HOUR, backfill=True)
    assert answer.decision is Decision.GO


def test_covers_of_a_slot_on_a_page_is_not_made_up() -> None:
    """A person may run an old slot; what it covers is then not told as 'everything'."""
    desk = Desk()
    for hour in range(6):
        succeed(desk, hour)
    _paged(desk, keep=2)
    answer = desk.admit("again", T0 + HOUR, trigger=Trigger.MANUAL)
    assert (answer.decision, answer.covers) == (Decision.GO, None)


def test_paged_slots_grow_with_each_page() -> None:
    """Two pages later the first one's slots still count as looked after."""
    desk = Desk()
    for hour in range(6):
        succeed(desk, hour)
        _paged(desk, keep=1)
    assert desk.state.paged_slots == Covers(start=T0, end=T0 + 4 * HOUR)


def test_slot_that_succeeded_in_another_session_still_runs() -> None:
    """Two sessions answer for the same hour each on its own."""
    desk = Desk(session_key="{input.account}", input={"account": "a"})
    slot = T0
    desk.admit("a", slot, input={"account": "a"})
    desk.settle("a")
    assert desk.admit("b", slot, input={"account": "b"}).decision is Decision.GO
