"""Inputs and results of the activities around a call of another agent."""

from pydantic import Field

from rota.budget import Cap
from rota.loop import ResultRef
from rota.model import StepResult, is_false
from rota.runs import AgentRunInput, AgentRunResult, Instant
from rota.steps import ToolInput
from rota.usage import Usage


class OpenHandoffInput(ToolInput):
    """Make a call of `agents.<name>` into the run that it asks for."""

    turn: int
    """The turn that made the call."""
    deadline: Instant | None = None
    """The caller's."""
    allowance: Cap | None = None
    """What the run may spend with all below it, of what the caller has left."""
    began: Instant | None = None
    """When the work began that the caller is part of."""
    tainted: bool = Field(default=False, exclude_if=is_false)
    """The caller has read what may be the words of people outside the team."""


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
