"""The inequalities between a breaker's numbers, and where a runtime's calls go."""

from datetime import timedelta

import pytest

from activities.breaker_gate import FRESH_SECONDS, SHORT, TROUBLE_SECONDS
from activities.breaker_reports import MEMORY_SECONDS
from activities.breakers import PATIENCE
from rota.pinned_spec import Fallback, PinnedSpec
from rota.runtimes.breaker import BreakerPolicy
from workflows import activity_options as options

POLICY = BreakerPolicy()
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("smaller", "larger"),
    [
        pytest.param(
            PATIENCE + timedelta(seconds=POLICY.lease_seconds / 3),
            timedelta(seconds=POLICY.lease_seconds),
            id="a probe renews its lease in time, though the first answer is late",
        ),
        pytest.param(
            SHORT + PATIENCE,
            timedelta(seconds=POLICY.open_seconds),
            id="an open breaker sends runs away, and does not hold their steps",
        ),
        pytest.param(
            timedelta(seconds=FRESH_SECONDS),
            timedelta(seconds=POLICY.probe_pause_seconds),
            id="whoever comes again after a probe looks anew",
        ),
        pytest.param(
            timedelta(seconds=PATIENCE.total_seconds()),
            timedelta(seconds=TROUBLE_SECONDS),
            id="a breaker that does not answer costs less than half of the time",
        ),
        pytest.param(
            options.LONGEST_HOLD_SPREAD,
            timedelta(seconds=POLICY.max_seconds) / 5,
            id="those who wait come back soon after the longest time",
        ),
        pytest.param(
            options.HOLD_SPREAD,
            timedelta(seconds=POLICY.open_seconds) / 2,
            id="the first spread is short beside the first time",
        ),
    ],
)
def test_number_of_a_breaker_is_below_the_one_it_depends_on(
    smaller: timedelta, larger: timedelta
) -> None:
    """Each case names what would go wrong."""
    assert smaller < larger


def test_successes_are_remembered_as_long_as_failures_count() -> None:
    """A rate would be wrong if either were forgotten first."""
    assert POLICY.window_seconds == MEMORY_SECONDS


def test_turn_goes_to_the_queue_of_the_runtime_that_is_asked() -> None:
    """Each of a chain has its own, or the run's."""
    fallbacks = (Fallback(kind="bedrock"), Fallback(kind="scripted", queue="spare"))
    spec = PinnedSpec(
        digest="0",
        name="agent",
        runtime_kind="anthropic",
        runtime_queue="claude",
        fallbacks=fallbacks,
    )
    queues = [options.turn_options(spec, HOUR, runtime=n).get("task_queue") for n in range(3)]
    assert queues == ["claude", None, "spare"]
