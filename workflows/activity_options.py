"""Every timeout and retry policy, each with its reason.

The inequalities between them are asserted in `tests/workflows/test_activity_options.py`.
"""

from datetime import timedelta
from typing import TypedDict

from temporalio.common import RetryPolicy
from temporalio.workflow import ActivityCancellationType

from rota.pinned_spec import PinnedSpec

HEARTBEAT_TIMEOUT = timedelta(seconds=3.2)
"""A killed worker is noticed after this, and its step repeated up to `TIMER_SLACK` later: in
all below 5 s, so that a run goes on elsewhere within 5 s. Above three times the interval, so
that a busy worker is not taken for a dead one."""

TIMER_SLACK = timedelta(seconds=1)
"""How late Temporal may act on a timer (measured: a dead worker's step began again 1.0 s
after the heartbeat timeout, of which 0.1 s was `FIRST_RETRY`)."""

HEARTBEAT_INTERVAL = timedelta(seconds=1)
"""How often a step says it lives. Workers must not throttle heartbeats beyond this."""

STICKY_TIMEOUT = timedelta(seconds=2)
"""How long a workflow task waits for the worker that has the run in its cache, before any
worker may take it. After a kill nobody waits for it: `workers.takeover` sees to that."""

TURN_TIMEOUT = timedelta(minutes=15)
"""Longest attempt at one turn: above `rota.runtime_specs.TURN_LIMIT`, the most that a
runtime's own limit may be, so that theirs, which knows what happened, speaks first."""

TOOL_MARGIN = timedelta(seconds=30)
"""Added to a tool's own timeout for loading and storing around it: twice as long as a
result is kept in hand while the store is out of reach (15 s)."""

DESK_TIMEOUT = timedelta(seconds=10)
"""One attempt at admission or settlement: a look-up of some 50 ms, with room for a burst."""

DESK_PATIENCE = timedelta(days=1)
"""How long admission and settlement are tried. At most once a minute, so that a keeper
or store that is gone for a day costs some 13,000 events and not the run's whole history."""

FIRST_RETRY = timedelta(milliseconds=100)
"""Temporal's delay after a lost worker: nothing failed, so go on at once. After a failure
the error itself carries the delay that the agent's `retry` block asks for."""

RECLAIM_INTERVAL = timedelta(seconds=10)
"""How often a keeper with waiting runs looks whether the holders still live."""


class StepOptions(TypedDict):
    """Keyword arguments for `workflow.execute_activity`."""

    start_to_close_timeout: timedelta
    schedule_to_close_timeout: timedelta
    heartbeat_timeout: timedelta
    retry_policy: RetryPolicy
    cancellation_type: ActivityCancellationType


class DeskOptions(TypedDict):
    """Keyword arguments for `workflow.execute_local_activity`."""

    start_to_close_timeout: timedelta
    schedule_to_close_timeout: timedelta
    local_retry_threshold: timedelta
    retry_policy: RetryPolicy


def turn_options(spec: PinnedSpec, remaining: timedelta) -> StepOptions:
    """Options of a model turn in a run that may work for `remaining` more."""
    return _step(spec, TURN_TIMEOUT, remaining, ActivityCancellationType.TRY_CANCEL)


def tool_options(spec: PinnedSpec, timeout: timedelta, remaining: timedelta) -> StepOptions:
    """Options of a tool call. A cancelled run waits for it: its effect must be known."""
    limit = timeout + TOOL_MARGIN
    return _step(spec, limit, remaining, ActivityCancellationType.WAIT_CANCELLATION_COMPLETED)


def desk_options() -> DeskOptions:
    """Options of admission and settlement.

    Repeated until they succeed: without its keeper's word a run can neither work nor end.
    """
    return DeskOptions(
        start_to_close_timeout=DESK_TIMEOUT,
        schedule_to_close_timeout=DESK_PATIENCE,
        # A longer wait is a timer, not a held workflow task: runs that cannot reach their
        # keeper must not take the slots of those that can.
        local_retry_threshold=timedelta(seconds=1),
        retry_policy=RetryPolicy(
            initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(minutes=1)
        ),
    )


def keeper_options() -> StepOptions:
    """Options of a keeper's own activities: quick, and given up soon.

    A keeper grants no session while one of them runs, and tries again by itself later.
    """
    return StepOptions(
        start_to_close_timeout=timedelta(seconds=30),
        schedule_to_close_timeout=timedelta(minutes=1),
        heartbeat_timeout=timedelta(seconds=30),
        retry_policy=RetryPolicy(maximum_interval=timedelta(seconds=30)),
        cancellation_type=ActivityCancellationType.TRY_CANCEL,
    )


def _step(
    spec: PinnedSpec,
    limit: timedelta,
    remaining: timedelta,
    cancellation: ActivityCancellationType,
) -> StepOptions:
    remaining = max(remaining, timedelta(seconds=1))
    return StepOptions(
        start_to_close_timeout=min(limit, remaining),
        schedule_to_close_timeout=remaining,
        heartbeat_timeout=HEARTBEAT_TIMEOUT,
        retry_policy=RetryPolicy(
            initial_interval=FIRST_RETRY,
            backoff_coefficient=2.0,
            maximum_interval=timedelta(seconds=2),
            # A worker's shutdown consumes an attempt, so one is never enough.
            maximum_attempts=max(2, spec.retry_attempts),
            # Raised by the SDK after the work was done: repeating it would pay again.
            non_retryable_error_types=["PayloadsTooLarge"],
        ),
        cancellation_type=cancellation,
    )
