"""The gate before a provider's call: what it asks, what it tells, what it lets through."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities import breaker_gate
from activities.breaker_gate import BreakerGate
from activities.providers.polling import Still, poll
from rota.failures import FailureCategory, StepError
from rota.runtimes.breaker import RUNTIME_HELD, Held, Phase
from tests.activities.breaker_desk import POLICY, Desk


def failing(category: FailureCategory, seconds: float | None = None) -> StepError:
    """A provider's failure."""
    after = timedelta(seconds=seconds) if seconds is not None else None
    return StepError(category, f"it is {category.value}", retry_after=after)


async def call(gate: BreakerGate, error: BaseException | None = None, account: str = "a") -> None:
    """Make one call that ends as it is told to; its own failures are part of the test."""
    try:
        async with gate.passing("bedrock", account):
            if error is not None:
                raise error
    except StepError:
        return


async def seen(holds: Callable[[], bool]) -> None:
    """Wait until the gate's report has come."""
    async with asyncio.timeout(5):
        while True:
            if holds():
                return
            await asyncio.sleep(0.01)


@pytest.fixture
def instant(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every look is a fresh one, and no pause is short enough to be waited for."""
    monkeypatch.setattr(breaker_gate, "FRESH_SECONDS", 0.0)
    monkeypatch.setattr(breaker_gate, "SHORT", timedelta(0))


async def test_gate_costs_one_look_a_second_and_no_message_while_all_is_well() -> None:
    """A hundred calls at once look once; their successes are nobody's concern."""
    desk = Desk()
    gate = BreakerGate(desk)
    await asyncio.gather(*(call(gate) for _ in range(100)))
    await gate.aclose()
    assert (desk.reads, desk.asks, desk.reports) == (1, 0, [])


async def test_gate_of_nobodys_account_is_always_open() -> None:
    """What calls nobody has no breaker to look at."""
    desk = Desk()
    await call(BreakerGate(desk), account="")
    assert desk.reads == 0


CATEGORIES = {
    FailureCategory.OVERLOADED: 1,
    FailureCategory.TRANSIENT: 1,
    FailureCategory.TIMEOUT: 1,
    FailureCategory.RATE_LIMITED: 0,
    FailureCategory.INVALID_REQUEST: 0,
    FailureCategory.AUTH: 0,
    FailureCategory.BUG: 0,
}


@pytest.mark.parametrize(("category", "failures"), CATEGORIES.items())
async def test_gate_reports_the_failures_that_say_something_of_the_provider(
    category: FailureCategory, failures: int
) -> None:
    """A refusal is an answer; only what another runtime might mend counts."""
    desk = Desk()
    gate = BreakerGate(desk)
    await call(gate, failing(category))
    await gate.aclose()
    assert sum(report.failures for report in desk.reports) == failures


async def test_gate_tells_the_first_failure_with_the_successes_before_it() -> None:
    """One in a hundred is seen as one in a hundred; a burst is one message more."""
    desk = Desk()
    gate = BreakerGate(desk)
    for _ in range(99):
        await call(gate)
    await asyncio.gather(*(call(gate, failing(FailureCategory.TRANSIENT)) for _ in range(4)))
    await gate.aclose()
    assert sum(report.failures for report in desk.reports) == 4
    assert sum(report.successes for report in desk.reports) == 99
    assert len(desk.reports) <= 2
    assert desk.phase is Phase.CLOSED


async def test_gate_of_an_open_breaker_lets_nobody_through(instant: None) -> None:
    """The step fails at once, not to be tried again, and says until when and why."""
    desk = Desk()
    gate = BreakerGate(desk)
    for _ in range(5):
        await call(gate, failing(FailureCategory.OVERLOADED))
    await seen(lambda: desk.phase is Phase.OPEN)
    with pytest.raises(ApplicationError) as caught:
        await call(gate)
    assert (caught.value.type, caught.value.non_retryable) == (RUNTIME_HELD, True)
    assert caught.value.category is ApplicationErrorCategory.BENIGN  # logged without its stack
    details: Any = caught.value.details[0]
    told = Held.model_validate(details)
    assert (told.state, told.reason) == ("open", "5 of 5 calls failed")


async def test_gate_half_open_lets_one_of_many_through_and_then_all(instant: None) -> None:
    """The others are turned away while the probe is under way; its answer opens the gate."""
    desk = Desk()
    gate, elsewhere = BreakerGate(desk), BreakerGate(desk)
    await asyncio.gather(*(call(gate, failing(FailureCategory.OVERLOADED)) for _ in range(5)))
    await seen(lambda: desk.phase is Phase.OPEN)
    assert desk.breaker is not None
    opens_at = desk.breaker.until
    assert opens_at is not None
    await seen(lambda: datetime.now(UTC) >= opens_at)
    inside, answered = asyncio.Event(), asyncio.Event()
    passed = 0

    async def one(through: BreakerGate) -> None:
        nonlocal passed
        async with through.passing("bedrock", "a"):
            passed += 1
            inside.set()
            await answered.wait()

    callers = [asyncio.create_task(one(each)) for each in (gate, elsewhere) for _ in range(20)]
    await inside.wait()
    # Longer than a lease: the prober renews it.
    await asyncio.sleep(POLICY.lease_seconds * 1.5)
    ends = [caller for caller in callers if caller.done()]
    assert (passed, len(ends)) == (1, 39)
    assert all(isinstance(end.exception(), ApplicationError) for end in ends)
    answered.set()
    await seen(lambda: desk.phase is Phase.CLOSED)
    await asyncio.gather(*callers, return_exceptions=True)
    await asyncio.gather(*(call(each) for each in (gate, elsewhere)))


async def test_gate_passes_a_retry_after_on_to_all_workers(instant: None) -> None:
    """What one worker was told, the others keep to, too."""
    desk = Desk()
    gate, elsewhere = BreakerGate(desk), BreakerGate(desk)
    await call(gate, failing(FailureCategory.RATE_LIMITED, seconds=30))
    await seen(lambda: bool(desk.reports))
    with pytest.raises(ApplicationError, match="asks for a pause until"):
        await call(elsewhere)
    assert desk.phase is Phase.CLOSED


async def test_gate_waits_out_a_short_pause_itself() -> None:
    """A moment is cheaper to wait for than to send the run away."""
    desk = Desk()
    gate = BreakerGate(desk)
    await call(gate, failing(FailureCategory.RATE_LIMITED, seconds=0.3))
    await seen(lambda: bool(desk.reports))
    began = asyncio.get_running_loop().time()
    await call(gate)
    assert asyncio.get_running_loop().time() - began >= 0.25


async def test_gate_whose_breaker_does_not_answer_lets_calls_through() -> None:
    """The breaker is no part of the work: trouble with it costs one look, and no turn."""
    desk = Desk()
    desk.broken = True
    gate = BreakerGate(desk)
    for _ in range(3):
        await call(gate)
    await call(gate, failing(FailureCategory.OVERLOADED))
    await call(gate)
    await gate.aclose()
    assert desk.reports == []


async def test_gate_counts_the_looks_that_a_watch_outlives() -> None:
    """Work under way is watched whatever its breaker says, and how that goes tells others."""
    desk = Desk()
    gate = BreakerGate(desk)
    overloaded, nothing = failing(FailureCategory.OVERLOADED), Still(progress=False)
    own = Still(progress=True, asked=False)
    found = iter([nothing, overloaded, own, overloaded, nothing, own])

    async def look() -> str | Still:
        match next(found, "end"):
            case StepError() as error:
                raise error
            case seen:
                return seen

    async with gate.watching("bedrock", "a"):
        assert await poll(look, timedelta(0)) == "end"
    await gate.aclose()
    assert sum(report.failures for report in desk.reports) == 2
    assert sum(report.successes for report in desk.reports) == 3
    assert await poll(look, timedelta(0)) == "end"


async def test_gate_holds_no_watch_back(instant: None) -> None:
    """An open breaker keeps new work away; it closes no eyes."""
    desk = Desk()
    gate = BreakerGate(desk)
    for _ in range(5):
        with pytest.raises(StepError):
            async with gate.watching("bedrock", "a"):
                raise failing(FailureCategory.OVERLOADED)
    await seen(lambda: desk.phase is Phase.OPEN)
    with pytest.raises(ApplicationError):
        await call(gate)
    async with gate.watching("bedrock", "a"):
        pass
