"""A resource lock's rules as tables: who gets it, who waits, whose lease is over."""

import pytest
from pydantic import ValidationError

from rota import lock_rules
from rota.resource_lock import LockRequest
from tests.rota.desks import run
from tests.rota.lock_benches import HOLD, WAIT, Bench, after


def test_acquire_of_a_free_lock_is_granted_at_once() -> None:
    """The first to ask holds it, for as long as it asked."""
    bench = Bench()
    answer = bench.ask("a")
    assert (answer.granted, answer.fence, answer.position) == (True, 1, 0)
    assert bench.state.lease is not None
    assert bench.state.lease.until == after(HOLD)


def test_acquire_of_a_held_lock_is_told_its_place_and_the_holder() -> None:
    """Who waits knows behind how many, and for whom."""
    bench = Bench()
    bench.ask("a")
    places = [(bench.ask(name).position, bench.ask(name).holder) for name in ("b", "c")]
    assert places == [(1, "a"), (2, "a")]


def test_acquire_again_changes_nothing() -> None:
    """A repeat is told of the lease or the place that the run has."""
    bench = Bench()
    first = [bench.ask(name) for name in ("a", "b", "c")]
    before = bench.state
    bench.at(1)
    assert [bench.ask(name) for name in ("a", "b", "c")] == first
    assert bench.state == before


def test_acquire_of_a_free_lock_with_a_queue_does_not_overtake() -> None:
    """Between two leases the lock belongs to whoever has waited."""
    bench = Bench()
    bench.ask("a")
    bench.ask("b")
    bench.release("a")
    late = bench.ask("c")
    assert (late.granted, late.position, late.holder) == (False, 2, "b")
    granted = bench.grant()
    assert granted is not None
    assert (granted.run.id, granted.fence) == ("b", 2)


def test_acquire_after_the_lease_ran_out_gets_a_larger_fence() -> None:
    """An outlived holder is not waited for, and can be told from the new one."""
    bench = Bench()
    bench.ask("a")
    answer = bench.at(HOLD).ask("b")
    assert (answer.granted, answer.fence) == (True, 2)
    assert bench.state.expired == 1


def test_release_of_an_outlived_holder_leaves_the_new_lease_alone() -> None:
    """A lease is ended by its own run only."""
    bench = Bench()
    bench.ask("a")
    bench.at(HOLD).ask("b")
    assert bench.release("a").holder == "b"


def test_release_by_a_waiting_run_leaves_the_queue() -> None:
    """Who stops waiting is not handed the lock."""
    bench = Bench()
    for name in ("a", "b", "c"):
        bench.ask(name)
    assert bench.release("b").queue == ["c"]


@pytest.mark.parametrize("name", ["a", "b", "stranger"])
def test_release_again_changes_nothing(name: str) -> None:
    """Holder, waiter or stranger: the second time there is nothing to give back."""
    bench = Bench()
    bench.ask("a")
    bench.ask("b")
    once = bench.release(name).state
    assert bench.release(name).state == once


def test_turn_away_refuses_a_wait_that_is_over_and_says_why() -> None:
    """A run that no longer waits is not handed the lock; the others move up."""
    bench = Bench()
    bench.ask("a")
    bench.ask("b", wait=5)
    bench.ask("c", wait=50)
    assert bench.at(4).turn_away() == []
    assert bench.at(5).turn_away() == [("b", "not free within 5s; a holds it")]
    assert bench.queue == ["c"]
    assert bench.turn_away() == []


def test_grant_next_while_the_lease_lasts_grants_nothing() -> None:
    """One lease at a time; at its end the next one begins."""
    bench = Bench()
    bench.ask("a")
    bench.ask("b")
    assert bench.at(HOLD - 1).grant() is None
    granted = bench.at(HOLD).grant()
    assert granted is not None
    assert (granted.fence, bench.state.expired) == (2, 1)


def test_reclaim_ends_the_lease_of_that_run_only() -> None:
    """What the server says of an earlier holder must not cost the present one its lease."""
    bench = Bench()
    bench.ask("a")
    assert lock_rules.reclaim(bench.state, run("b")) == bench.state
    gone = lock_rules.reclaim(bench.state, run("a"))
    assert (gone.lease, gone.expired) == (None, 1)


def test_next_end_is_the_earliest_of_lease_and_waits_and_none_without_a_queue() -> None:
    """An idle lock, or one that nobody waits for, needs no timer."""
    bench = Bench()
    assert lock_rules.next_end(bench.state) is None
    bench.ask("a")
    assert lock_rules.next_end(bench.state) is None
    bench.ask("b")
    assert lock_rules.next_end(bench.state) == after(HOLD)
    bench.ask("c", wait=5)
    assert lock_rules.next_end(bench.state) == after(5)
    bench.release("a")
    bench.release("c")
    assert lock_rules.next_end(bench.state) == after(WAIT)


@pytest.mark.parametrize("seconds", [0, -1, float("inf"), float("nan"), 1e300])
def test_lock_request_that_no_calendar_can_hold_is_refused(seconds: float) -> None:
    """A wrong message fails alone; it must not reach the arithmetic of the lock."""
    with pytest.raises(ValidationError):
        LockRequest(run=run("a"), wait_seconds=seconds, hold_seconds=1)
    with pytest.raises(ValidationError):
        LockRequest(run=run("a"), wait_seconds=1, hold_seconds=seconds)
