"""Activities around results, as the workflows see them: checks, graders, past runs run again.

Part of `activities.interface`, where workflows find them.
"""

from abc import ABC, abstractmethod

from temporalio import activity

from rota.checks.steps import (
    Checked,
    CheckInput,
    CloseGradingInput,
    Graded,
    OpenedGrading,
    OpenGradingInput,
)
from rota.run_ref import RunRef
from rota.usage import RunUse
from rota.what_if.backtest import OpenCaseInput, OpenedCase, Served, ServeInput


class Checking(ABC):
    """Expectations on results."""

    @abstractmethod
    @activity.defn(name="check_result")
    async def check_result(self, input: CheckInput) -> Checked:
        """Hold a result against what its agent declares of it."""


class GradingDesk(ABC):
    """Checks that other agents make: from a check to a run, and back."""

    @abstractmethod
    @activity.defn(name="open_grading")
    async def open_grading(self, input: OpenGradingInput) -> OpenedGrading:
        """Make the input of the grader's run."""

    @abstractmethod
    @activity.defn(name="close_grading")
    async def close_grading(self, input: CloseGradingInput) -> Graded:
        """Read what the grader's run has come to."""


class WhatIf(ABC):
    """Past runs that are run again; nothing here makes a call."""

    @abstractmethod
    @activity.defn(name="open_case")
    async def open_case(self, input: OpenCaseInput) -> OpenedCase:
        """Say whether this worker can play the case, and what its tools do."""

    @abstractmethod
    @activity.defn(name="serve_calls")
    async def serve_calls(self, input: ServeInput) -> Served:
        """Answer the calls of a turn from the record."""

    @abstractmethod
    @activity.defn(name="case_use")
    async def case_use(self, run: RunRef) -> RunUse:
        """Read what a case has used; safe as a local activity."""
