"""Every timeout and retry policy of effects of which nobody knows whether they happened."""

from datetime import timedelta

from temporalio.workflow import ActivityCancellationType

from rota.pinned_spec import PinnedSpec
from workflows.activity_options import StepOptions, step_options

LOOK_TIMEOUT = timedelta(minutes=1)
"""One look: ten seconds of the tool's own `reconcile`, and a store that stumbles for 15 s."""

LOOK_ATTEMPTS = 3
"""Looks before it is left to the next run: what is on record does not go away."""


def look_options(spec: PinnedSpec, fairness_key: str | None = None) -> StepOptions:
    """Options of a look at an effect. Not bounded by the run's time, which may be over."""
    cancellation = ActivityCancellationType.TRY_CANCEL
    limit = LOOK_ATTEMPTS * LOOK_TIMEOUT
    options = step_options(spec, LOOK_TIMEOUT, limit, cancellation, fairness_key)
    options["retry_policy"].maximum_attempts = LOOK_ATTEMPTS
    return options
