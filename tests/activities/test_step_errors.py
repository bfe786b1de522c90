"""From a classified failure to Temporal's form."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.step_errors import to_application_error
from rota.failures import FailureCategory, StepError
from rota.keepers.admission import RunRef
from rota.steps import StepInput

STEP = StepInput(
    agent="agent",
    run=RunRef(id="agent-1", key="k"),
    context="",
    backoff_seconds=2.0,
    max_backoff_seconds=10.0,
)
RETRYABLE = {"transient", "rate_limited", "overloaded", "timeout"}


@pytest.mark.parametrize("category", FailureCategory)
def test_error_is_retried_only_where_waiting_may_mend_it(category: FailureCategory) -> None:
    """The closed list decides, and the type is the category's own name."""
    error = to_application_error(StepError(category, "words"), STEP, 1)
    assert (error.type, error.message) == (category.value, "words")
    assert error.non_retryable is (category.value not in RETRYABLE)
    assert error.details[0]["category"] == category.value


@pytest.mark.parametrize(("attempt", "seconds"), [(1, 2), (2, 4), (3, 8), (4, 10), (5, 10)])
def test_error_backs_off_twice_as_long_each_time_up_to_the_maximum(
    attempt: int, seconds: float
) -> None:
    """The agent's own `retry` block rules where the provider says nothing."""
    error = to_application_error(StepError(FailureCategory.TRANSIENT, ""), STEP, attempt)
    assert error.next_retry_delay == timedelta(seconds=seconds)


def test_error_with_the_providers_own_delay_waits_exactly_that_long() -> None:
    """Retry-after wins in both directions, even over the maximum."""
    for asked in (timedelta(milliseconds=10), timedelta(minutes=5)):
        failure = StepError(FailureCategory.RATE_LIMITED, "", retry_after=asked)
        assert to_application_error(failure, STEP, 4).next_retry_delay == asked


@given(attempt=st.integers(1, 10_000))
def test_error_delay_is_positive_and_bounded_whatever_the_attempt(attempt: int) -> None:
    """No attempt number overflows, waits for ever or hammers."""
    error = to_application_error(StepError(FailureCategory.TRANSIENT, ""), STEP, attempt)
    assert error.next_retry_delay is not None
    assert timedelta(0) < error.next_retry_delay <= timedelta(seconds=10)
