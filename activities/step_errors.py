"""From a classified failure to Temporal's form: retry or not, and after how long."""

from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.stores.base import StoreError
from rota.failures import FailureCategory, StepError
from rota.steps import StepInput


def to_application_error(error: StepError, step: StepInput, attempt: int) -> ApplicationError:
    """Translate `error`, raised in attempt `attempt` (1 for the first) of `step`.

    The error's type is its category. A provider's own retry-after wins over the agent's
    back-off; the back-off doubles with each attempt up to its maximum.
    """
    category = error.category
    details = {"category": category.value, "request_id": error.request_id}
    if error.final or not category.retryable:
        return ApplicationError(str(error), details, type=category.value, non_retryable=True)
    # Beyond 30 doublings every maximum is reached, and floats would end some day.
    doubled = step.backoff_seconds * 2 ** min(attempt - 1, 30)
    seconds = min(doubled, step.max_backoff_seconds)
    delay = error.retry_after or timedelta(seconds=seconds)
    return ApplicationError(str(error), details, type=category.value, next_retry_delay=delay)


@contextmanager
def translated(step: StepInput) -> Generator[None]:
    """Let a step's block fail in Temporal's form; the store's own failures are transient."""
    try:
        yield
    except StoreError as error:
        failure = StepError(FailureCategory.TRANSIENT, f"the store failed: {error}")
        raise to_application_error(failure, step, activity.info().attempt) from error
    except StepError as error:
        raise to_application_error(error, step, activity.info().attempt) from error
