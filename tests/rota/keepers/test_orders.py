"""Orders: what a keeper owes, what it starts when, and how it counts what came of it."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rota.keepers import orders, settling
from rota.keepers import rules as keeper
from rota.keepers.admission import RunRef
from rota.keepers.ledger import paged
from rota.keepers.run_orders import RECENT_BACKFILLS, Backfill, BackfillRequest, RunOrder
from rota.keepers.state import KeeperState
from rota.runs import RunStatus, Trigger
from tests.rota.keepers.desks import HOUR, T0, Desk, run


class Backfilling(Desk):
    """A keeper's desk that is asked for backfills, and a server that starts runs."""

    def ask(
        self, id: str = "b1", hours: int = 3, *, parallel: int = 1, force: bool = False
    ) -> Backfill:
        """Ask for a backfill of so many hourly slots."""
        slots = tuple(T0 + number * HOUR for number in range(hours))
        request = BackfillRequest(id=id, slots=slots, max_parallel=parallel, force=force)
        self.state, backfill = orders.request_backfill(self.state, request, self.now)
        return backfill

    def start(self) -> list[str]:
        """Start what is due; return the ids."""
        due = orders.due_orders(self.state)
        self.state = orders.confirmed(self.state, [run(order.run_id) for order in due])
        return [order.run_id for order in due]

    def enter(self, order: RunOrder) -> None:
        """The run of an order is admitted."""
        self.admit(order.run_id, order.slot, trigger=order.trigger)
        self.state = orders.closed_orders(self.state)

    def end(self, name: str, status: RunStatus = RunStatus.SUCCEEDED) -> None:
        """A run settles."""
        self.settle(name, status)
        self.state = orders.closed_orders(self.state)

    @property
    def counts(self) -> tuple[int, int, int]:
        """Succeeded, failed, skipped, of the newest backfill."""
        newest = self.state.backfills[-1]
        return newest.succeeded, newest.failed, newest.skipped


def backfilling() -> Backfilling:
    """An agent whose runs may work side by side."""
    return Backfilling(session_concurrency="parallel")


def at(hour: int, number: int = 1) -> str:
    """Id of the backfill's run of that hour."""
    tail = f"-{number}" if number > 1 else ""
    return f"report-backfill-2026-11-22T{hour:02}:00:00Z{tail}"


def test_backfill_starts_in_order_and_as_many_at_once_as_allowed() -> None:
    """Two at a time: the third starts when one of the first two has ended, not before."""
    desk = backfilling()
    assert desk.ask(hours=4, parallel=2).total == 4
    assert desk.start() == [at(6), at(7)]
    assert desk.start() == []
    first, second, *_ = desk.state.orders
    desk.enter(first)
    desk.enter(second)
    assert desk.start() == []
    desk.end(at(7))
    assert desk.start() == [at(8)]
    desk.end(at(6), RunStatus.FAILED)
    assert desk.start() == [at(9)]
    assert desk.counts == (1, 1, 0)


def test_backfill_asked_for_again_changes_nothing_and_tells_how_far_it_is() -> None:
    """Idempotent by id, also once it is done."""
    desk = backfilling()
    desk.ask(hours=1)
    desk.start()
    before = desk.state
    assert desk.ask(hours=1).done == 0
    assert desk.state == before
    desk.enter(desk.state.orders[0])
    desk.end(at(6))
    assert desk.ask(hours=1).done == 1
    assert desk.start() == []


def test_backfill_counts_what_admission_skips() -> None:
    """A slot that has succeeded is not done again: counted as skipped, at once."""
    desk = backfilling()
    desk.admit("r1", T0)
    desk.settle("r1")
    desk.ask(hours=2)
    desk.start()
    desk.enter(desk.state.orders[0])
    assert desk.counts == (0, 0, 1)
    assert desk.start() == [at(7)]


def test_forced_backfill_runs_what_has_succeeded() -> None:
    """With force the order's run goes, and its slot is done a second time."""
    desk = backfilling()
    desk.admit("r1", T0)
    desk.settle("r1")
    desk.ask(hours=1, force=True)
    desk.start()
    desk.enter(desk.state.orders[0])
    assert desk.state.ledger[run(at(6)).key].status is RunStatus.RUNNING


def test_second_backfill_of_a_slot_gets_a_number() -> None:
    """No id comes twice, whether the first run is ordered, at work or done."""
    desk = backfilling()
    desk.ask("b1", hours=1)
    desk.ask("b2", hours=1)
    assert desk.start() == [at(6), at(6, 2)]
    desk.enter(desk.state.orders[0])
    desk.end(at(6))
    desk.ask("b3", hours=1)
    assert desk.start() == [at(6, 3)]


def test_run_of_a_slot_on_a_page_gets_a_number_above_all_that_may_be_there() -> None:
    """What lies on pages is not looked up: its ids are left out, never used again."""
    desk = backfilling()
    desk.ask("b1", hours=1)
    desk.start()
    desk.enter(desk.state.orders[0])
    desk.end(at(6))
    desk.state = paged(desk.state, [run(at(6)).key], "page")
    desk.ask("b2", hours=1)
    assert desk.start() == [at(6, 2)]


def test_slot_named_twice_is_run_once() -> None:
    """A slip in the list of slots costs nothing, fractions of seconds included."""
    desk = backfilling()
    slots = (T0, T0 + timedelta(microseconds=1))
    request = BackfillRequest(id="b1", slots=slots)
    desk.state, backfill = orders.request_backfill(desk.state, request, T0)
    assert backfill.total == 1
    assert desk.start() == [at(6)]


@pytest.mark.parametrize(
    ("declared", "outstanding", "message"),
    [
        (False, 0, r"no declaration is in force: run 'rota apply' .*"),
        (True, orders.MOST_ORDERS - 1, r"3999 runs are ordered already, and 2 more .*"),
    ],
)
def test_backfill_that_cannot_be_taken_on_is_refused(
    declared: bool, outstanding: int, message: str
) -> None:
    """One line that says why and what to do; nothing is ordered."""
    desk = backfilling()
    owed = RunOrder(run_id="x", slot=T0, trigger=Trigger.RERUN)
    desk.state = desk.state.model_copy(update={"orders": (owed,) * outstanding})
    if not declared:
        desk.state = KeeperState()
    before = desk.state
    with pytest.raises(orders.BackfillRefusedError, match=message):
        desk.ask(hours=2)
    assert desk.state == before


def test_reruns_start_at_once_whatever_a_backfill_has_at_work() -> None:
    """Somebody waits for a re-run; it does not stand behind a batch."""
    desk = backfilling()
    desk.ask(hours=2)
    desk.start()
    for _ in range(2):
        desk.state = orders.request_rerun(desk.state, T0 - HOUR)
    assert desk.start() == ["report-rerun-2026-11-22T05:00:00Z-1"]


def test_one_batch_of_starts_is_bounded() -> None:
    """A hundred at once are started in several goes."""
    desk = backfilling()
    desk.ask(hours=50, parallel=50)
    counts = [len(desk.start()) for _ in range(4)]
    assert counts == [orders.STARTS_AT_ONCE, orders.STARTS_AT_ONCE, 10, 0]


def test_start_that_was_not_confirmed_is_neither_lost_nor_doubled() -> None:
    """The worker died after the start: an admitted run counts as begun, others are due."""
    desk = backfilling()
    desk.ask(hours=3, parallel=2)
    first = desk.state.orders[0]
    desk.enter(first)
    assert orders.started_runs(desk.state) == (run(at(6)),)
    assert desk.start() == [at(7)]
    desk.end(at(6))
    desk.state = orders.confirmed(desk.state, [run(at(6))])
    assert [order.run_id for order in desk.state.orders] == [at(7), at(8)]


def test_run_that_is_gone_before_admission_is_counted_and_its_id_used_up() -> None:
    """A terminated run does not stall its batch, and the ledger says what happened."""
    desk = backfilling()
    desk.ask(hours=2)
    desk.start()
    desk.state = orders.closed_orders(orders.lost(desk.state, run(at(6)), desk.now))
    assert desk.counts == (0, 1, 0)
    entry = desk.state.ledger[run(at(6)).key]
    assert (entry.slot, entry.status) == (T0, RunStatus.FAILED)
    assert entry.reason == "the run was gone before it was admitted"
    assert desk.start() == [at(7)]
    desk.ask("b2", hours=1)
    assert desk.state.orders[-1].run_id == at(6, 2)


def test_run_found_under_another_key_is_judged_by_the_ledger() -> None:
    """An id found taken may name a later execution: the run that was admitted counts."""
    desk = backfilling()
    desk.ask(hours=1)
    (order,) = desk.state.orders
    other = RunRef(id=order.run_id, key="another")
    desk.enter(order)
    desk.state = orders.confirmed(desk.state, [other])
    assert orders.started_runs(desk.state) == (run(order.run_id),)
    assert orders.lost(desk.state, other, desk.now) == desk.state


def test_retired_agent_withdraws_what_has_not_begun() -> None:
    """Runs at work finish and count; the rest counts as skipped, and nothing more starts."""
    desk = backfilling()
    desk.ask(hours=3)
    desk.start()
    desk.enter(desk.state.orders[0])
    desk.state = orders.withdraw(keeper.retire(desk.state))
    assert desk.counts == (0, 0, 2)
    assert desk.start() == []
    desk.end(at(6))
    assert desk.counts == (1, 0, 2)
    assert orders.request_rerun(desk.state, T0) == desk.state


def test_only_finished_backfills_are_forgotten() -> None:
    """The newest are kept; one that is still under way is kept however old."""
    desk = backfilling()
    desk.ask("open", hours=1)
    for number in range(RECENT_BACKFILLS + 3):
        desk.ask(f"done-{number}", hours=1)
        order = desk.state.orders[-1]
        desk.enter(order)
        desk.end(order.run_id)
    ids = [backfill.id for backfill in desk.state.backfills]
    assert len(ids) == RECENT_BACKFILLS
    assert (ids[0], ids[-1]) == ("open", f"done-{RECENT_BACKFILLS + 2}")


@given(
    st.integers(1, 4),
    st.lists(st.tuples(st.sampled_from(["start", "enter", "end", "lose"]), st.integers(0, 9))),
)
def test_backfill_ends_with_every_slot_counted_once_and_never_too_many_at_work(
    parallel: int, steps: list[tuple[str, int]]
) -> None:
    """Whatever the order of starts, admissions, ends and losses."""
    desk = backfilling()
    desk.ask(hours=8, parallel=parallel)
    finishing = [("start", 0), ("enter", 0), ("end", 0)] * 8
    for step, which in [*steps, *finishing]:
        started = [order for order in desk.state.orders if order.run is not None]
        chosen = started[which % len(started)] if started else None
        if step == "start":
            desk.start()
        elif chosen is not None and step == "enter":
            desk.enter(chosen)
        elif chosen is not None and step == "end":
            desk.end(chosen.run_id)
        elif chosen is not None:
            gone = run(chosen.run_id)
            state = orders.lost(settling.reclaim(desk.state, gone, desk.now), gone, desk.now)
            desk.state = orders.closed_orders(state)
        assert len(orders.started_runs(desk.state)) <= parallel
    assert desk.state.orders == ()
    assert sum(desk.counts) == desk.state.backfills[0].total == 8
