"""Every timeout and retry policy, each with its reason.

Those of providers' sessions are in `workflows.session_options`, those of effects in
`workflows.effect_options`, those of called agents in `workflows.handoff_options`. The
inequalities between them are asserted in `tests/workflows/test_activity_options.py`.
"""

from datetime import timedelta
from typing import NotRequired, TypedDict

from temporalio.common import Priority, RetryPolicy
from temporalio.workflow import ActivityCancellationType

from rota.lost_workers import LOST_AFTER
from rota.mcp_servers import LISTING_LIMIT
from rota.pinned_spec import PinnedSpec

HEARTBEAT_TIMEOUT = timedelta(seconds=3.2)
"""A killed worker is noticed after this, and its step repeated up to `TIMER_SLACK` later: in
all below 5 s, so that a run goes on elsewhere within 5 s. Above three times the interval, so
that a busy worker is not taken for a dead one. Of an agent with `retry.lost_after` see
`heartbeat_timeout`."""

NOTICE_ROOM = LOST_AFTER - HEARTBEAT_TIMEOUT
"""What comes between the heartbeat timeout and the step's beginning elsewhere, with room for a
busy server: `TIMER_SLACK` and `FIRST_RETRY`, which are as long after a longer timeout."""

TIMER_SLACK = timedelta(seconds=1)
"""How late Temporal may act on a timer (measured: a dead worker's step began again 1.0 s
after the heartbeat timeout, of which 0.1 s was `FIRST_RETRY`)."""

HEARTBEAT_INTERVAL = timedelta(seconds=1)
"""How often a step says it lives at most: less often where its agent has a longer
`retry.lost_after` (`rota.lost_workers`). Workers must not throttle heartbeats beyond this."""

STICKY_TIMEOUT = timedelta(seconds=2)
"""How long a workflow task waits for the worker that has the run in its cache, before any
worker may take it. After a kill nobody waits for it: `workers.takeover` sees to that."""

TURN_TIMEOUT = timedelta(minutes=15)
"""Longest attempt at one turn: above `rota.runtime_specs.base.TURN_LIMIT`, the most that a
runtime's own limit may be, so that theirs, which knows what happened, speaks first."""

TOOL_MARGIN = timedelta(seconds=30)
"""Added to a tool's own timeout for loading and storing around it: twice as long as a
result is kept in hand while the store is out of reach (15 s)."""

DESK_TIMEOUT = timedelta(seconds=10)
"""One attempt at admission or settlement: a look-up of some 50 ms, with room for a burst."""

DESK_PATIENCE = timedelta(days=1)
"""How long admission and settlement are tried. At most once a minute, so that a keeper
or store that is gone for a day costs some 13,000 events and not the run's whole history."""

OUTCOME_PATIENCE = timedelta(minutes=3)
"""How long a pipeline that has succeeded tries to store what it came to: a store that is
restarted is back by then. The nodes' own results are stored already, and the settlement, for
which others wait, needs no store."""

FIRST_RETRY = timedelta(milliseconds=100)
"""Temporal's delay after a lost worker: nothing failed, so go on at once. After a failure
the error itself carries the delay that the agent's `retry` block asks for."""

RECLAIM_INTERVAL = timedelta(seconds=10)
"""How often a keeper with waiting runs looks whether the holders still live."""

ASK_AGAIN = timedelta(minutes=10)
"""How often a run in a queue asks its keeper again: one that was terminated and applied anew
knows nothing of it. Some 900 events a day for each run that waits, none for any other."""

ORDINARY_PRIORITY = 3
"""What Temporal gives whatever asks for none: 1 goes first, 5 last."""

LOCK_WORD = timedelta(seconds=2)
"""How much longer than its declared wait a run listens for a lock: the lock counts the wait,
and what it grants in the last moment is on its way for some 50 ms."""

DELIVERY_TIMEOUT = timedelta(minutes=5)
"""One attempt at a batch of a topic's events: some hundred starts, of up to 3 s each on a
server in trouble."""

DELIVERY_ATTEMPTS = 3
"""Attempts before the topic makes the batch up anew, without those who have left meanwhile."""

DELIVERY_PAUSE = timedelta(seconds=1)
"""Before a topic tries a batch again; doubles with each failure."""

LONGEST_DELIVERY_PAUSE = timedelta(seconds=30)
"""Most of it: a store that is back is noticed within half a minute. A day of failures costs
some 35,000 events of history, which continue-as-new carries away."""

HOLD_SPREAD = timedelta(seconds=5)
"""Over how long those who waited for the same runtime come back: doubles each time that one
of them is sent away again."""

LONGEST_HOLD_SPREAD = timedelta(minutes=1)
"""Most of it: a tenth of the longest time that a breaker stays open."""

ROOM_PAUSE = timedelta(minutes=1)
"""Before a run asks an account again that has refused it: its window may turn a moment later
there than by the run's own clock."""

ANSWER_PATIENCE = timedelta(days=7)
"""How long a run waits for a person's answer: a week's absence of whoever is asked. Waiting
costs a timer and nothing else; what ends it is that a session is not held for ever."""


class StepOptions(TypedDict):
    """Keyword arguments for `workflow.execute_activity`."""

    start_to_close_timeout: timedelta
    schedule_to_close_timeout: timedelta
    heartbeat_timeout: timedelta
    retry_policy: RetryPolicy
    cancellation_type: ActivityCancellationType
    task_queue: NotRequired[str]
    """Left out: the run's own."""
    priority: NotRequired[Priority]
    """Left out where it says nothing beyond the defaults."""


class DeskOptions(TypedDict):
    """Keyword arguments for `workflow.execute_local_activity`."""

    start_to_close_timeout: timedelta
    schedule_to_close_timeout: timedelta
    local_retry_threshold: timedelta
    retry_policy: RetryPolicy


def heartbeat_timeout(spec: PinnedSpec) -> timedelta:
    """After how much silence a step of the run is taken for lost."""
    return spec.lost_after - NOTICE_ROOM


def turn_options(
    spec: PinnedSpec, remaining: timedelta, fairness_key: str | None = None, runtime: int = 0
) -> StepOptions:
    """Options of a model turn in a run that may work for `remaining` more.

    Args:
        spec: The run's declaration.
        remaining: Of its time.
        fairness_key: Of its place among those that wait for a worker.
        runtime: Which one of `spec.runtimes` is asked.
    """
    cancellation = ActivityCancellationType.TRY_CANCEL
    options = step_options(spec, TURN_TIMEOUT, remaining, cancellation, fairness_key)
    return on_runtime_queue(options, spec, runtime)


def on_runtime_queue(options: StepOptions, spec: PinnedSpec, runtime: int = 0) -> StepOptions:
    """Send a call of a runtime to the queue that its declaration names, if it names one."""
    queue = spec.runtimes[runtime].queue
    if queue is not None:
        options["task_queue"] = queue
    return options


def tool_options(
    spec: PinnedSpec, timeout: timedelta, remaining: timedelta, fairness_key: str | None = None
) -> StepOptions:
    """Options of a tool call. A cancelled run waits for it: its effect must be known."""
    limit = timeout + TOOL_MARGIN
    cancellation = ActivityCancellationType.WAIT_CANCELLATION_COMPLETED
    return step_options(spec, limit, remaining, cancellation, fairness_key)


def listing_options(
    spec: PinnedSpec, remaining: timedelta, fairness_key: str | None = None
) -> StepOptions:
    """Options of asking MCP servers for their tools. Repeating it changes nothing."""
    limit = LISTING_LIMIT + TOOL_MARGIN
    return step_options(spec, limit, remaining, ActivityCancellationType.TRY_CANCEL, fairness_key)


def run_priority(spec: PinnedSpec, fairness_key: str | None) -> Priority | None:
    """A run's place among all that wait for a worker; None if it is the ordinary one."""
    if spec.priority == ORDINARY_PRIORITY and fairness_key is None:
        return None
    return Priority(
        priority_key=spec.priority,
        fairness_key=fairness_key,
        fairness_weight=spec.fairness_weight if fairness_key is not None else None,
    )


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


def load_options(remaining: timedelta) -> DeskOptions:
    """Options of reading results for a graph that may work for `remaining` more.

    The graph stands still meanwhile. Half of its time at most: what cannot be read fails the
    node that names it, and others may have to act on that.
    """
    options = desk_options()
    options["schedule_to_close_timeout"] = max(remaining / 2, timedelta(seconds=1))
    return options


def outcome_options() -> DeskOptions:
    """Options of storing what a pipeline came to."""
    options = desk_options()
    options["schedule_to_close_timeout"] = OUTCOME_PATIENCE
    return options


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


def delivery_options() -> StepOptions:
    """Options of a topic's deliveries. Repeating one starts nothing twice.

    Beats, so that after a worker's death another goes on within seconds.
    """
    return StepOptions(
        start_to_close_timeout=DELIVERY_TIMEOUT,
        schedule_to_close_timeout=DELIVERY_ATTEMPTS * DELIVERY_TIMEOUT,
        heartbeat_timeout=HEARTBEAT_TIMEOUT,
        retry_policy=RetryPolicy(
            initial_interval=FIRST_RETRY,
            maximum_interval=timedelta(seconds=1),
            maximum_attempts=DELIVERY_ATTEMPTS,
        ),
        cancellation_type=ActivityCancellationType.TRY_CANCEL,
    )


def step_options(
    spec: PinnedSpec,
    limit: timedelta,
    remaining: timedelta,
    cancellation: ActivityCancellationType,
    fairness_key: str | None,
) -> StepOptions:
    """Options of a step of a run: at most `limit` for each attempt, `remaining` for them all."""
    remaining = max(remaining, timedelta(seconds=1))
    options = StepOptions(
        start_to_close_timeout=min(limit, remaining),
        schedule_to_close_timeout=remaining,
        heartbeat_timeout=heartbeat_timeout(spec),
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
    priority = run_priority(spec, fairness_key)
    if priority is not None:
        options["priority"] = priority
    return options
