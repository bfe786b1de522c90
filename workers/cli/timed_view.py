"""What a run and a pipeline run are shown by alike: the result, and when it came."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from rota.pipelines.run import PipelineResult
from rota.runs import AgentRunResult
from rota.truths import Truths, truths_of
from workers.cli.output import now

Result = TypeVar("Result", AgentRunResult, PipelineResult)


@dataclass(frozen=True)
class TimedView(Generic[Result]):
    """A result with its times."""

    result: Result
    """Of what is in progress: what is known of it."""
    started: datetime
    ended: datetime | None
    unread: str = ""
    """Why what it came to cannot be read here, such as a key that is missing; empty if it can."""

    @property
    def took(self) -> timedelta:
        """How long it ran, or has been running."""
        return (self.ended or now()) - self.started

    @property
    def truths(self) -> Truths:
        """Which of the five hold, as far as lists of runs tell."""
        return truths_of(self.result, self.started, self.ended)

    @property
    def document(self) -> dict[str, Any]:
        """The run as `--json` prints it: the result, with its times."""
        return {
            **self.result.model_dump(mode="json"),
            "started": self.started.isoformat(),
            "ended": self.ended.isoformat() if self.ended else None,
            "seconds": round(self.took.total_seconds(), 3),
            "truths": self.truths.model_dump(mode="json"),
        }
