"""A resource lock's rules as tables, and what holds of them whatever happens."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from pydantic import ValidationError

from rota import lock_rules
from rota.admission import RunRef
from rota.resource_lock import LockAnswer, LockRequest, LockState

T0 = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
WAIT, HOLD = 600.0, 60.0


def run(name: str) -> RunRef:
    """A run whose id and key can be told apart."""
    return RunRef(id=name, key=f"key-of-{name}")


def after(seconds: float) -> datetime:
    """So much later than the beginning."""
    return T0 + timedelta(seconds=seconds)


class Bench:
    """A lock and a clock that only the test moves."""

    def __init__(self) -> None:
        self.state = LockState(name="books")
        self.now = T0

    def at(self, seconds: float) -> "Bench":
        """Set the clock."""
        self.now = after(seconds)
        return self

    def ask(self, name: str, wait: float = WAIT, hold: float = HOLD) -> LockAnswer:
        """A run asks for the lock."""
        request = LockRequest(run=run(name), wait_seconds=wait, hold_seconds=hold)
        self.state, answer = lock_rules.acquire(self.state, request, self.now)
        return answer

    def release(self, name: str) -> "Bench":
        """A run gives it back."""
        self.state = lock_rules.release(self.state, run(name))
        return self

    def turn_away(self) -> list[tuple[str, str]]:
        """Refuse those whose wait is over: name and reason."""
        self.state, answers = lock_rules.turn_away(self.state, self.now)
        assert not any(answer.granted for answer in answers)
        return [(answer.run.id, answer.refused) for answer in answers]

    def grant(self) -> LockAnswer | None:
        """Hand the lock on."""
        self.state, answer = lock_rules.grant_next(self.state, self.now)
        return answer

    @property
    def holder(self) -> str:
        """Who has it; empty if nobody."""
        return self.state.lease.run.id if self.state.lease else ""

    @property
    def queue(self) -> list[str]:
        """Who waits, in order."""
        return [waiting.request.run.id for waiting in self.state.queue]


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


class LockMachine(RuleBasedStateMachine):
    """Runs ask, repeat themselves, let go, vanish; time passes; the lock is carried over."""

    def __init__(self) -> None:
        super().__init__()
        self.bench = Bench()
        self.names = 0
        self.waiting: list[str] = []
        """Who was told to wait and has not been granted, dropped or released, in order."""
        self.until: dict[str, datetime] = {}
        self.fences: list[int] = []
        self.gone: set[str] = set()
        """Runs that ended without a word."""

    @rule(wait=st.integers(1, 100), hold=st.integers(1, 100))
    def come(self, wait: int, hold: int) -> None:
        self.names += 1
        name = f"r{self.names}"
        answer = self.bench.ask(name, wait, hold)
        if answer.granted:
            assert not self.waiting, "overtook those who wait"
            self._granted(answer)
        else:
            assert answer.position == len(self.waiting) + 1
            self.waiting.append(name)
            self.until[name] = self.bench.now + timedelta(seconds=wait)

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def ask_again(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(self.waiting))
        answer = self.bench.ask(name)
        assert (answer.granted, answer.position) == (False, self.waiting.index(name) + 1)

    @precondition(lambda self: self.names)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        name = f"r{data.draw(st.integers(1, self.names))}"
        self.bench.release(name)
        if name in self.waiting:
            self.waiting.remove(name)

    @precondition(lambda self: self.names)
    @rule(data=st.data())
    def vanish(self, data: st.DataObject) -> None:
        self.gone.add(f"r{data.draw(st.integers(1, self.names))}")

    @rule(seconds=st.integers(1, 50))
    def time_passes(self, seconds: int) -> None:
        self.bench.now += timedelta(seconds=seconds)

    @rule()
    def hand_on(self) -> None:
        """As the workflow does it: the dead are found when told, or when looked after."""
        if self.bench.holder in self.gone:
            self.bench.state = lock_rules.reclaim(self.bench.state, run(self.bench.holder))
        late = [name for name in self.waiting if self.until[name] <= self.bench.now]
        assert [name for name, _ in self.bench.turn_away()] == late
        self.waiting = [name for name in self.waiting if name not in late]
        while (answer := self.bench.grant()) is not None:
            assert answer.run.id == self.waiting.pop(0), "not first in, first out"
            self._granted(answer)
            if answer.run.id in self.gone:
                self.bench.state = lock_rules.reclaim(self.bench.state, answer.run)

    @rule()
    def continue_as_new(self) -> None:
        self.bench.state = LockState.model_validate_json(self.bench.state.model_dump_json())

    @invariant()
    def fences_grow_with_every_grant(self) -> None:
        assert self.fences == list(range(1, len(self.fences) + 1))
        assert self.bench.state.fence == self.bench.state.granted == len(self.fences)

    @invariant()
    def the_lease_is_the_newest_one_granted(self) -> None:
        lease = self.bench.state.lease
        assert lease is None or lease.fence == len(self.fences)

    @invariant()
    def whoever_waits_is_in_the_queue_in_the_order_of_asking(self) -> None:
        assert self.bench.queue == self.waiting

    @invariant()
    def nobody_is_in_the_queue_twice_or_with_the_lease(self) -> None:
        names = [*self.bench.queue, *filter(None, [self.bench.holder])]
        assert len(names) == len(set(names))

    def teardown(self) -> None:
        """Nobody waits for ever: all are served, or stop waiting, in bounded time."""
        for _ in range(2 * self.names + 2):
            self.hand_on()
            end = lock_rules.next_end(self.bench.state)
            if end is None:
                break
            self.bench.now = max(self.bench.now, end)
        self.hand_on()
        assert self.bench.queue == []

    def _granted(self, answer: LockAnswer) -> None:
        self.fences.append(answer.fence)


LockMachine.TestCase.settings = settings(
    max_examples=200, stateful_step_count=40, deadline=None, print_blob=True
)
TestLockInvariants = LockMachine.TestCase
