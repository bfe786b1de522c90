"""Timeouts of what a backtest's cases ask their worker, each with its reason."""

from datetime import timedelta

from temporalio.workflow import ActivityCancellationType

from rota.pinned_spec import PinnedSpec
from workflows.activity_options import StepOptions, step_options

SERVE_TIMEOUT = timedelta(seconds=30)
"""One attempt at reading a tape and a transcript: some ten objects of the store, and twice as
long as a result is kept in hand while that is out of reach (15 s)."""

QUEUE_PATIENCE = timedelta(days=1)
"""How much longer than a run a case may take: its steps go behind those of all runs, and how long
they stand there is no fault of what is tried."""

LAST = 5
"""Behind every run: a backtest has time."""


def case_options(spec: PinnedSpec, remaining: timedelta) -> StepOptions:
    """Options of looking at a case, and of answering its calls from the record."""
    cancellation = ActivityCancellationType.TRY_CANCEL
    return step_options(spec, SERVE_TIMEOUT, remaining, cancellation, None)
