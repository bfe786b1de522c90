"""Timeouts and retries of the Watchdog's looks, each with its reason."""

from datetime import timedelta

from temporalio.common import RetryPolicy
from temporalio.workflow import ActivityCancellationType

from workflows.activity_options import HEARTBEAT_TIMEOUT, DeskOptions, StepOptions

LIST_TIMEOUT = timedelta(seconds=10)
"""One attempt at listing a page of agents: some milliseconds."""

LIST_PATIENCE = timedelta(seconds=30)
"""All attempts at it: a server that lists nothing for that long is down."""

LOOK_TIMEOUT = timedelta(seconds=45)
"""One attempt at a page of agents: some seconds. Above what the activity gives itself (35 s), so
that what it has seen by then is not lost."""

LOOK_PATIENCE = timedelta(minutes=2)
"""All attempts at a page. What is not seen by then the next check sees."""

LONGEST_LOOK = timedelta(minutes=5)
"""All pages of a check; those that are left come first in the next one. With the last page's
patience it leaves time to tell what was seen: a check is ended after 10 minutes."""

BEAT_TIMEOUT = timedelta(seconds=12)
"""One attempt at a beat: above what the activity itself gives the receiver (8 s)."""

BEAT_PATIENCE = timedelta(seconds=30)
"""All attempts: whoever waits for it gives it more than one interval."""

LEAST_ARCHIVING = timedelta(seconds=20)
"""What putting away closed runs has at least, however short the interval is: some dozen runs."""


def list_options() -> DeskOptions:
    """Options of listing agents."""
    return DeskOptions(
        start_to_close_timeout=LIST_TIMEOUT,
        schedule_to_close_timeout=LIST_PATIENCE,
        local_retry_threshold=LIST_PATIENCE,
        retry_policy=RetryPolicy(
            initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=5)
        ),
    )


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
