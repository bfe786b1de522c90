"""Timeouts and retries of notifications, each with its reason."""

from datetime import timedelta

from temporalio.common import RetryPolicy
from temporalio.workflow import ActivityCancellationType

from workflows.activity_options import HEARTBEAT_TIMEOUT, DeskOptions, StepOptions

POST_TIMEOUT = timedelta(seconds=4)
"""One attempt to hand facts to notifiers: a signal of some 20 ms; above what the activity itself
gives one (3 s)."""

POST_PATIENCE = timedelta(seconds=10)
"""All attempts: a run waits for this at its end, and when it begins to wait for a person. A server
that takes no signal for longer takes no end of a run either."""

POST_PAUSE = timedelta(minutes=1)
"""Before what could not be handed over is tried again while its workflow goes on: whoever is waited
for should hear of it, and a worker may have been restarted meanwhile. Doubles each time."""

LONGEST_PAUSE = timedelta(hours=1)
"""Longest such pause: a run waits for days, and each attempt is in its history."""

SEND_TIMEOUT = timedelta(minutes=5)
"""One attempt to send: a webhook has 15 s; a slow mail server up to two minutes for a step."""

SEND_PATIENCE = timedelta(minutes=15)
"""All attempts before the notifier shows that a channel is in trouble, and makes a pause: longer
than the restart of a receiver, shorter than anybody wonders why nothing comes."""


def post_options() -> DeskOptions:
    """Options of handing facts to notifiers. Given up soon: no run waits for its own news."""
    return DeskOptions(
        start_to_close_timeout=POST_TIMEOUT,
        schedule_to_close_timeout=POST_PATIENCE,
        local_retry_threshold=POST_PATIENCE,
        retry_policy=RetryPolicy(
            initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(seconds=2)
        ),
    )


def send_options() -> StepOptions:
    """Options of sending a message; a killed worker is noticed by the missing heartbeat."""
    return StepOptions(
        start_to_close_timeout=SEND_TIMEOUT,
        schedule_to_close_timeout=SEND_PATIENCE,
        heartbeat_timeout=HEARTBEAT_TIMEOUT,
        retry_policy=RetryPolicy(
            initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1)
        ),
        cancellation_type=ActivityCancellationType.TRY_CANCEL,
    )
