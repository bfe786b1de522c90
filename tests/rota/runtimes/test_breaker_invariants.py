"""What must hold of a breaker whatever workers report, and whenever they do."""

from datetime import UTC, datetime, timedelta

from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from rota.runtimes import breaker_rules as rules
from rota.runtimes.breaker import (
    Breaker,
    BreakerPolicy,
    Go,
    Held,
    Phase,
    ProbeEnd,
    ProbeReport,
    Report,
)

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
POLICY = BreakerPolicy(open_seconds=4, max_seconds=20, lease_seconds=5, window_seconds=10)
COUNTS = st.integers(min_value=0, max_value=8)


class BreakerMachine(RuleBasedStateMachine):
    """Workers that report, ask and fall silent in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.breaker = Breaker(kind="bedrock", account="eu", policy=POLICY)
        self.now = NOW
        self.tokens = 0
        self.leases: dict[str, datetime] = {}
        """Until when each prober has been told that it is alone."""

    @rule(seconds=st.floats(min_value=0, max_value=30))
    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(failures=COUNTS, successes=COUNTS, hold=st.floats(min_value=0, max_value=100))
    def report(self, failures: int, successes: int, hold: float) -> None:
        told = Report(
            failures=failures,
            successes=successes,
            failing_last=failures,
            hold_seconds=hold,
            hold_reason="rate limited",
            reason="Overloaded",
        )
        self.breaker = rules.report(self.breaker, told, self.now)

    @rule()
    def ask(self) -> None:
        self.tokens += 1
        self._ask(str(self.tokens))

    @rule(data=st.data())
    def renew(self, data: st.DataObject) -> None:
        assume(self.leases)
        self._ask(data.draw(st.sampled_from(sorted(self.leases))))

    @rule(data=st.data(), end=st.sampled_from(ProbeEnd))
    def end_probe(self, data: st.DataObject, end: ProbeEnd) -> None:
        assume(self.leases)
        token = data.draw(st.sampled_from(sorted(self.leases)))
        del self.leases[token]
        told = Report(probe=ProbeReport(token=token, end=end), reason="Overloaded")
        self.breaker = rules.report(self.breaker, told, self.now)

    @invariant()
    def one_probe_at_most(self) -> None:
        alive = [token for token, until in self.leases.items() if until > self.now]
        assert len(alive) <= 1

    @invariant()
    def nobody_is_held_beyond_the_maximum(self) -> None:
        seen = rules.look(self.breaker, self.now)
        if isinstance(seen, Held):
            assert self.now < seen.until <= self.now + timedelta(seconds=POLICY.max_seconds)
            assert seen.reason

    @invariant()
    def state_stays_small(self) -> None:
        assert len(self.breaker.window) <= POLICY.window_seconds + 1

    @invariant()
    def looking_changes_nothing(self) -> None:
        later = rules.advance(self.breaker, self.now)
        assert rules.look(later, self.now) == rules.look(self.breaker, self.now)

    @invariant()
    def time_alone_never_closes_it(self) -> None:
        far = rules.advance(self.breaker, self.now + timedelta(days=1))
        assert (far.phase is Phase.CLOSED) == (self.breaker.phase is Phase.CLOSED)

    def _ask(self, token: str) -> None:
        self.breaker, answer = rules.ask(self.breaker, token, self.now)
        assert (answer.go is None) != (answer.held is None)
        if answer.go is not None and answer.go.probe:
            assert self.breaker.probe is not None
            self.leases[token] = self.breaker.probe.until
        else:
            # Told that it has no lease, or no longer needs one.
            self.leases.pop(token, None)


TestBreakerMachine = BreakerMachine.TestCase


@given(
    failures=st.lists(st.integers(min_value=5, max_value=50), min_size=1, max_size=10),
    failed_probes=st.integers(min_value=0, max_value=40),
)
def test_breaker_always_closes_with_the_first_probe_that_is_answered(
    failures: list[int], failed_probes: int
) -> None:
    """However it came to be open, one good answer lets everybody through again."""
    breaker, now = Breaker(kind="bedrock", account="eu", policy=POLICY), NOW
    for count in failures:
        told = Report(failures=count, failing_last=count, reason="Overloaded")
        breaker = rules.report(breaker, told, now)
    for number in range(failed_probes + 1):
        now += timedelta(seconds=POLICY.max_seconds)
        token = str(number)
        breaker, answer = rules.ask(breaker, token, now)
        assert answer.go == Go(probe=token)
        end = ProbeEnd.ANSWERED if number == failed_probes else ProbeEnd.FAILED
        told = Report(probe=ProbeReport(token=token, end=end), reason="Overloaded")
        breaker = rules.report(breaker, told, now)
    assert rules.look(breaker, now) == Go()
