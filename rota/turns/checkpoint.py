"""What a run carries across continue-as-new."""

from datetime import datetime
from operator import not_

from pydantic import ConfigDict, Field

from rota.approvals.requests import Ruling
from rota.budgets.purse import Purse
from rota.keepers.admission import Admitted
from rota.model import Record
from rota.notices.untold import Untold
from rota.runs import AgentRunInput
from rota.turns.loop import LoopState


class RunCheckpoint(Record):
    """A run between two steps."""

    admitted: Admitted
    loop: LoopState
    deadline: datetime
    fences: dict[str, int] = Field(default_factory=dict[str, int])
    """Locks held, with their fencing numbers."""
    asked: int = 0
    """Questions that people were asked so far."""
    purse: Purse = Purse()
    approvals: int = 0
    """Calls that people were to decide on so far."""
    rulings: tuple[Ruling, ...] = ()
    """What became of the newest of these."""
    untold: tuple[Untold, ...] = Field(default=(), exclude_if=not_)
    """What people could not be told so far."""


class RunArgument(AgentRunInput):
    """The argument of `AgentRun` itself: what people send, and Rota's own continuation.

    One argument, not two: the SDK drops the type of the first when the second is left out.
    """

    # What a wrong input is told it should have been.
    model_config = ConfigDict(extra="forbid", frozen=True, title="input of AgentRun")

    checkpoint: RunCheckpoint | None = None
    """Rota's own, for when a run continues as new; whoever may start workflows may also send
    one, and is believed."""
