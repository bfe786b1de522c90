"""What a run of a pipeline carries across continue-as-new."""

from datetime import datetime
from operator import not_

from pydantic import ConfigDict, Field

from rota.budgets.purse import Purse
from rota.keepers.admission import Admitted
from rota.model import Record
from rota.notices.untold import Untold
from rota.pipelines.run import PipelineRunInput
from rota.pipelines.state import DagState


class PipelineCheckpoint(Record):
    """A run of a pipeline at a moment when none of its nodes is at work."""

    admitted: Admitted
    state: DagState
    started_at: datetime
    """When its time began; also its slot if it has none."""
    deadline: datetime
    purse: Purse = Purse()
    untold: tuple[Untold, ...] = Field(default=(), exclude_if=not_)
    """What people could not be told so far."""


class PipelineArgument(PipelineRunInput):
    """The argument of `PipelineRun` itself: what people send, and Rota's own continuation.

    One argument, not two: the SDK drops the type of the first when the second is left out.
    """

    # What a wrong input is told it should have been.
    model_config = ConfigDict(extra="forbid", frozen=True, title="input of PipelineRun")

    checkpoint: PipelineCheckpoint | None = None
    """Rota's own, for when a run continues as new; whoever may start workflows may also send
    one, and is believed."""
