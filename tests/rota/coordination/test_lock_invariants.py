"""What holds of a resource lock whatever happens, in whatever order."""

from datetime import datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from rota.coordination import lock_rules
from rota.coordination.locks import LockAnswer, LockState
from tests.rota.coordination.lock_benches import Bench
from tests.rota.keepers.desks import run


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

    @rule(wait=st.integers(1, 100))
    def come(self, wait: int) -> None:
        self.names += 1
        name = f"r{self.names}"
        answer = self.bench.ask(name, wait)
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


LockMachine.TestCase.settings = settings(stateful_step_count=40)
TestLockInvariants = LockMachine.TestCase
