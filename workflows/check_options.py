"""Timeouts of the checks of a result; those of other steps are in `workflows.activity_options`."""

from datetime import timedelta

from temporalio.workflow import ActivityCancellationType

from rota.pinned_spec import PinnedSpec
from workflows.activity_options import TOOL_MARGIN, StepOptions, step_options


def check_options(
    spec: PinnedSpec, remaining: timedelta, fairness_key: str | None = None
) -> StepOptions:
    """Options of the checks of a result in a run that may work for `remaining` more.

    All programs one after the other, and what a tool call is given beside. Repeating them changes
    nothing.
    """
    limit = timedelta(seconds=spec.check_seconds) + TOOL_MARGIN
    return step_options(spec, limit, remaining, ActivityCancellationType.TRY_CANCEL, fairness_key)
