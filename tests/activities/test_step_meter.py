"""How long steps take is told with few names, and by how they ended."""

import asyncio

import pytest
from temporalio.exceptions import ApplicationError, CancelledError
from temporalio.testing import ActivityEnvironment

from activities.step_meter import OTHER, UNKNOWN, Few, Step, measured_tool, outcome_of
from rota.failures import FailureCategory, StepError
from rota.metrics.listed import STEP_OUTCOMES


def test_names_beyond_the_most_are_told_together() -> None:
    """A server that names its tools anew each day makes no new series for ever."""
    few = Few(2)
    assert [few(name) for name in ("a", "b", "c", "a", "d", "")] == [
        "a",
        "b",
        OTHER,
        "a",
        OTHER,
        UNKNOWN,
    ]


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (asyncio.CancelledError(), "cancelled"),
        (CancelledError(), "cancelled"),
        (StepError(FailureCategory.OVERLOADED, "busy"), "overloaded"),
        (ApplicationError("no", type="quota"), "quota"),
        (ApplicationError("no", type="SomethingElse"), "other"),
        (ApplicationError("no"), "other"),
        (ValueError(), "other"),
    ],
)
def test_failure_is_told_by_its_category(error: BaseException, outcome: str) -> None:
    """Always one of the closed list."""
    assert outcome_of(error) == outcome
    assert outcome in STEP_OUTCOMES


async def test_step_that_fails_keeps_its_error_and_is_measured() -> None:
    """Measuring changes nothing of what it measures."""
    steps: list[Step] = []

    async def fails() -> None:
        with measured_tool("ledger.post") as step:
            steps.append(step)
            raise StepError(FailureCategory.TIMEOUT, "late")

    with pytest.raises(StepError, match="late"):
        await ActivityEnvironment().run(fails)
    assert [(step.name, step.outcome) for step in steps] == [("ledger.post", "timeout")]
