"""Timeouts and retries of the Watchdog's looks, each with its reason."""

from datetime import timedelta

from temporalio.common import RetryPolicy
from temporalio.workflow import ActivityCancellationType

from workflows.activity_options import HEARTBEAT_TIMEOUT, DeskOptions, StepOptions

LOOK_TIMEOUT = timedelta(seconds=45)
"""One attempt at a page of agents: some seconds; one whose keepers are all slow has 5 s for each
of ten at a time."""

LOOK_PATIENCE = timedelta(minutes=2)
"""All attempts at a page. What is not seen by then the next check sees."""

BEAT_TIMEOUT = timedelta(seconds=12)
"""One attempt at a beat: above what the activity itself gives the receiver (8 s)."""

BEAT_PATIENCE = timedelta(seconds=30)
"""All attempts: whoever waits for it gives it more than one interval."""

LEAST_ARCHIVING = timedelta(seconds=20)
"""What putting away closed runs has at least, however short the interval is: some dozen runs."""


def look_options() -> StepOptions:
    """Options of looking at agents; a killed worker is noticed by the missing heartbeat."""
    return StepOptions(
        start_to_close_timeout=LOOK_TIMEOUT,
        schedule_to_close_timeout=LOOK_PATIENCE,
        heartbeat_timeout=HEARTBEAT_TIMEOUT,
        retry_policy=RetryPolicy(
            initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=10)
        ),
        cancellation_type=ActivityCancellationType.TRY_CANCEL,
    )


def beat_options() -> DeskOptions:
    """Options of the beat. Given up soon: the next check sends its own."""
    return DeskOptions(
        start_to_close_timeout=BEAT_TIMEOUT,
        schedule_to_close_timeout=BEAT_PATIENCE,
        local_retry_threshold=BEAT_PATIENCE,
        retry_policy=RetryPolicy(
            initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=5)
        ),
    )


def archive_options(every: timedelta, spent: timedelta, task_queue: str) -> StepOptions:
    """Options of putting away closed runs: what is left of the interval until the next check.

    The next check would be left out if this went on longer. What is put away stays so: the next
    attempt goes on from there.
    """
    patience = max(every - spent, LEAST_ARCHIVING)
    return StepOptions(
        start_to_close_timeout=patience,
        schedule_to_close_timeout=patience,
        heartbeat_timeout=HEARTBEAT_TIMEOUT,
        retry_policy=RetryPolicy(maximum_attempts=2),
        cancellation_type=ActivityCancellationType.TRY_CANCEL,
        task_queue=task_queue,
    )
