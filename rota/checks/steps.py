"""The steps that check a result, as they travel through history."""

from rota.checks.verdicts import CheckOutcome
from rota.coordination.handoffs import CallTerms
from rota.model import StepResult
from rota.runs import AgentRunInput, AgentRunResult
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


class OpenGradingInput(CallTerms, GradeInput):
    """Make the check into the run that it asks for: the graded run is its caller."""


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
