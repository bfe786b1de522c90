"""The step that checks a result, as it travels through history."""

from rota.checks import CheckOutcome
from rota.model import StepResult
from rota.steps import StepInput


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
