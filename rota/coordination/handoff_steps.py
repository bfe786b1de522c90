"""Inputs and results of the activities around a call of another agent."""

from rota.budgets.reservations import Cap
from rota.coordination.handoffs import CallTerms
from rota.model import StepResult
from rota.runs import AgentRunInput, AgentRunResult
from rota.steps import ToolInput
from rota.turns.calls import ResultRef
from rota.usage import Usage


class OpenHandoffInput(CallTerms, ToolInput):
    """Make a call of `agents.<name>` into the run that it asks for."""

    turn: int
    """The turn that made the call."""


class OpenedHandoff(StepResult):
    """The run to start, or what the call came to without one."""

    answered: ResultRef | None = None
    """A refusal that the model reads, or a result recorded before: nothing is started."""
    child: AgentRunInput | None = None
    child_id: str = ""
    most: Cap = Cap()
    """What the run may use with all below it, by its caller's loan and its own declaration."""


class CloseHandoffInput(ToolInput):
    """Make the end of the run that was called into the call's result."""

    agent_called: str
    child_id: str
    result: AgentRunResult | None = None
    """None also for a transfer, which waits for no result."""
    failure: str = ""
    """Why there is no result at all, in one line."""
    below: Usage = Usage()
    """What the run used, and all below it; if nobody can tell, what it might have."""
