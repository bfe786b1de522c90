"""A resource lock without a server: requests and releases in a few words, for tests."""

from datetime import datetime, timedelta

from rota.coordination import lock_rules
from rota.coordination.locks import LockAnswer, LockRequest, LockState
from tests.rota.keepers.desks import T0, run

WAIT = 600.0


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

    def ask(self, name: str, wait: float = WAIT) -> LockAnswer:
        """A run asks for the lock."""
        request = LockRequest(run=run(name), wait_seconds=wait)
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
