"""What watching a session tells the runtime's breaker, and when the breaker holds it back."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from activities import heartbeat
from rota.failures import FailureCategory, StepError
from rota.runtimes.breaker import RUNTIME_HELD, Breaker, Phase
from rota.runtimes.session import SessionState
from tests.activities.session_bench import Bench, failed
from tests.contract.double_provider import Ends, Fails

ONE_CALL = {"charged": "a", "one_call": True}


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A run about to begin."""
    monkeypatch.setattr(heartbeat, "INTERVAL_SECONDS", 0.01)
    return Bench(tmp_path, monkeypatch)


def opened(bench: Bench, phase: Phase = Phase.OPEN) -> None:
    """Open the runtime's breaker for a minute."""
    until = datetime.now(UTC) + timedelta(minutes=1) if phase is Phase.OPEN else None
    reason = "5 of 5 calls failed"
    bench.desk.breaker = Breaker(
        kind="double", account="a", phase=phase, until=until, reason=reason, opened=1
    )


COUNTED = {
    FailureCategory.OVERLOADED: (1, 0),
    FailureCategory.TRANSIENT: (1, 0),
    FailureCategory.TIMEOUT: (1, 0),
    FailureCategory.RATE_LIMITED: (0, 30),
    FailureCategory.TOOL_FAILED: (0, 0),
    FailureCategory.AUTH: (0, 0),
}


@pytest.mark.parametrize("one_call", [True, False])
@pytest.mark.parametrize("billed", [True, False])
@pytest.mark.parametrize(("category", "told"), COUNTED.items())
async def test_observe_that_fails_tells_the_breaker_what_a_call_would(
    bench: Bench, category: FailureCategory, told: tuple[int, float], billed: bool, one_call: bool
) -> None:
    """By its category, whatever the run makes of it: work that failed is its own affair."""
    await bench.open({"charged": "a", "one_call": one_call}, reattach=not one_call)
    after = timedelta(seconds=30) if category is FailureCategory.RATE_LIMITED else None
    error = StepError(category, "no", retry_after=after, maybe_billed=billed)
    bench.provider.acts = [Fails(error)]
    await bench.submit()
    await failed(bench.observe())
    await bench.gate.aclose()
    reports = bench.desk.reports
    held = max((report.hold_seconds for report in reports), default=0)
    assert (sum(report.failures for report in reports), held) == told


@pytest.mark.parametrize("reattach", [True, False])
async def test_observe_of_a_runtime_with_one_call_is_held_by_an_open_breaker(
    bench: Bench, reattach: bool
) -> None:
    """Nothing is called, and nothing counted as possibly paid: the run waits, and asks again."""
    await bench.open(ONE_CALL, reattach=reattach)
    opened(bench)
    await bench.submit()
    error = await failed(bench.observe())
    assert (error.type, error.non_retryable) == (RUNTIME_HELD, True)
    assert (bench.provider.looks, await bench.unknown()) == ([], 0)
    bench.desk.breaker = None
    bench.gate = type(bench.gate)(bench.desk)
    assert (await bench.observe(attempt=2)).state is SessionState.ENDED


async def test_observe_of_work_under_way_is_not_held_by_an_open_breaker(bench: Bench) -> None:
    """What a provider has begun is seen to its end."""
    await bench.open({"charged": "a"})
    await bench.submit()
    opened(bench)
    bench.provider.acts = [Ends("Done.")]
    assert (await bench.observe()).state is SessionState.ENDED


async def test_submit_of_a_runtime_with_one_call_says_nothing_of_the_provider(
    bench: Bench,
) -> None:
    """A name is no answer: the probe is left to the call, and only that one closes the breaker."""
    await bench.open(ONE_CALL, reattach=False)
    opened(bench, Phase.HALF_OPEN)
    await bench.submit()
    assert (bench.desk.reads, bench.desk.asks) == (0, 0)
    await bench.observe()
    await bench.gate.aclose()
    assert (bench.desk.asks, bench.desk.phase) == (1, Phase.CLOSED)
