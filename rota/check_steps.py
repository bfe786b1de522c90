"""The steps that check a result, as they travel through history."""

from pydantic import Field

from rota.budget import Cap
from rota.checks import CheckOutcome
from rota.model import StepResult, is_false
from rota.runs import AgentRunInput, AgentRunResult, Instant
from rota.steps import StepInput
from rota.usage import Usage


class CheckInput(StepInput):
    """Hold the result against what the agent declares of it."""

    output: str
    """Digest of the result."""
    turns: int = 0
    tool_calls: int = 0
    tokens: int = 0


class Checked(StepResult):
    """What came of each check, in the order of their names."""

    outcomes: tuple[CheckOutcome, ...]


class GradeInput(StepInput):
    """Have another agent make the check `name`."""

    name: str
    output: str
    """Digest of the result."""


class OpenGradingInput(GradeInput):
    """Make the check into the run that it asks for."""

    deadline: Instant | None = None
    """The graded run's."""
    allowance: Cap | None = None
    """What the grader may spend with all below it, of what the graded run has left."""
    began: Instant | None = None
    """When the work began that the graded run is part of."""
    tainted: bool = Field(default=False, exclude_if=is_false)
    """The result may hold the words of people outside the team."""


class Graded(StepResult):
    """What a grader has come to."""

    outcome: CheckOutcome
    below: Usage = Usage()
    """What its run used, and all below it; if nobody can tell, what it might have."""


class OpenedGrading(StepResult):
    """The grader's run to start; or what an earlier one came to."""

    graded: Graded | None = None
    child: AgentRunInput | None = None
    child_id: str = ""


class CloseGradingInput(GradeInput):
    """Make the end of the grader's run into the outcome of the check."""

    child_id: str
    result: AgentRunResult | None = None
    failure: str = ""
    """Why there is no result at all, in one line."""
    below: Usage = Usage()
