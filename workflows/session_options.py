"""Timeouts and retry policies of steps with providers' sessions, each with its reason.

Beside `workflows.activity_options`, whose rules they share.
"""

from datetime import timedelta

from temporalio.common import RetryPolicy
from temporalio.workflow import ActivityCancellationType

from rota.ids import watch_queue
from rota.lost_workers import seconds_between_beats
from rota.pinned_spec import PinnedSpec
from workflows.activity_options import (
    FIRST_RETRY,
    HEARTBEAT_INTERVAL,
    StepOptions,
    heartbeat_timeout,
    on_runtime_queue,
    step_options,
)

SESSION_CALL_TIMEOUT = timedelta(minutes=5)
"""One attempt at starting, telling or reading a provider's session: a request or two, whose
own limits, below two minutes in every runtime, know better what happened."""

STOP_TIMEOUT = timedelta(minutes=1)
"""One attempt at stopping a provider's session: the request, and a look whether it has."""

STOP_PATIENCE = timedelta(minutes=2)
"""How long a run that ends tries to stop its session. A provider that is gone for longer is
not waited for: what could not be confirmed is recorded, and `rota doctor` asks again."""

PATIENCE_ROOM = timedelta(minutes=1)
"""Added to the time a session may wait for a person, so that the runtime's own limit, which
says whom it waited for, speaks first."""


def session_options(
    spec: PinnedSpec,
    remaining: timedelta,
    fairness_key: str | None = None,
    *,
    seen_to_its_end: bool = False,
) -> StepOptions:
    """Options of a short step with a provider's session: start, tell, read.

    A cancelled run waits for one that has an effect (`seen_to_its_end`): what it has started
    must be known to be stopped. Those are also what the runtime's queue has a rate for.
    """
    cancellation = (
        ActivityCancellationType.WAIT_CANCELLATION_COMPLETED
        if seen_to_its_end
        else ActivityCancellationType.TRY_CANCEL
    )
    options = step_options(spec, SESSION_CALL_TIMEOUT, remaining, cancellation, fairness_key)
    return on_runtime_queue(options, spec) if seen_to_its_end else options


def observe_options(
    spec: PinnedSpec, remaining: timedelta, task_queue: str, fairness_key: str | None = None
) -> StepOptions:
    """Options of watching a session of a run on `task_queue` for at most `remaining`.

    Any number of attempts: each restart of a worker costs one. The provider's failures are
    counted by the activity, from the last progress.
    """
    cancellation = ActivityCancellationType.TRY_CANCEL
    options = step_options(spec, remaining, remaining, cancellation, fairness_key)
    options["start_to_close_timeout"] = options["schedule_to_close_timeout"]
    options["retry_policy"].maximum_attempts = 0
    options["task_queue"] = watch_queue(task_queue)
    return options


def stop_options(spec: PinnedSpec) -> StepOptions:
    """Options of stopping a session: apart from what the run has left, which may be nothing.

    Whoever still works for the session hears of the end with its next heartbeat. Where those
    come further apart than usual, each attempt is given that much more.
    """
    silence = heartbeat_timeout(spec)
    later = timedelta(seconds=seconds_between_beats(silence)) - HEARTBEAT_INTERVAL
    return StepOptions(
        start_to_close_timeout=STOP_TIMEOUT + later,
        schedule_to_close_timeout=STOP_PATIENCE + 2 * later,
        heartbeat_timeout=silence,
        retry_policy=RetryPolicy(initial_interval=FIRST_RETRY, maximum_interval=STOP_TIMEOUT / 4),
        cancellation_type=ActivityCancellationType.TRY_CANCEL,
    )
