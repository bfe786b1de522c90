"""A resource lock's rules as tables: who gets it, who waits, whose lease is over."""

import pytest
from pydantic import ValidationError

from rota.coordination import lock_rules
from rota.coordination.locks import LockRequest
from tests.rota.coordination.lock_benches import WAIT, Bench, after
from tests.rota.keepers.desks import run


def test_acquire_of_a_free_lock_is_granted_at_once() -> None:
    """The first to ask holds it."""
    bench = Bench()
    answer = bench.ask("a")
    assert (answer.granted, answer.fence, answer.position) == (True, 1, 0)
    assert bench.holder == "a"


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


def test_lease_of_a_run_that_stands_still_for_weeks_stays_its_own() -> None:
    """Time ends a wait, never a lease: its run may act as soon as a person has answered it."""
    bench = Bench()
    bench.ask("a")
    bench.ask("b", wait=5)
    bench.at(30 * 86_400)
    assert bench.grant() is None
    assert bench.turn_away() == [("b", "not free within 5s; a holds it")]
    answer = bench.ask("c")
    assert (answer.granted, answer.holder, bench.holder) == (False, "a", "a")


def test_acquire_after_its_holder_was_found_gone_gets_a_larger_fence() -> None:
    """What the other may still have at work can be told from the new holder."""
    bench = Bench()
    bench.ask("a")
    bench.state = lock_rules.reclaim(bench.state, run("a"))
    answer = bench.ask("b")
    assert (answer.granted, answer.fence) == (True, 2)


def test_release_of_a_holder_that_counted_as_gone_leaves_the_new_lease_alone() -> None:
    """A lease is ended by its own run only."""
    bench = Bench()
    bench.ask("a")
    bench.state = lock_rules.reclaim(bench.state, run("a"))
    bench.ask("b")
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
    assert bench.grant() is None
    granted = bench.release("a").grant()
    assert granted is not None
    assert (granted.fence, bench.state.expired) == (2, 0)


def test_reclaim_ends_the_lease_of_that_run_only() -> None:
    """What the server says of an earlier holder must not cost the present one its lease."""
    bench = Bench()
    bench.ask("a")
    assert lock_rules.reclaim(bench.state, run("b")) == bench.state
    gone = lock_rules.reclaim(bench.state, run("a"))
    assert (gone.lease, gone.expired) == (None, 1)


def test_next_end_is_the_earliest_of_the_waits_and_none_without_a_queue() -> None:
    """An idle lock, or one that nobody waits for, needs no timer."""
    bench = Bench()
    assert lock_rules.next_end(bench.state) is None
    bench.ask("a")
    assert lock_rules.next_end(bench.state) is None
    bench.ask("b")
    assert lock_rules.next_end(bench.state) == after(WAIT)
    bench.ask("c", wait=5)
    assert lock_rules.next_end(bench.state) == after(5)


@pytest.mark.parametrize("seconds", [0, -1, float("inf"), float("nan"), 1e300])
def test_lock_request_that_no_calendar_can_hold_is_refused(seconds: float) -> None:
    """A wrong message fails alone; it must not reach the arithmetic of the lock."""
    with pytest.raises(ValidationError):
        LockRequest(run=run("a"), wait_seconds=seconds)
