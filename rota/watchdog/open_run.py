"""Runs at work, as far as the Watchdog looks at them."""

from datetime import datetime

from rota.model import Record


class OpenRun(Record):
    """A workflow of an agent that has not ended: a run, or its keeper."""

    id: str
    key: str
    """Temporal's run id."""
    agent: str
    status: str = ""
    """`RotaStatus`; empty of a keeper, and of a run that nobody has admitted."""
    began: datetime
    queue: str = ""
    problems: tuple[str, ...] = ()
    """`TemporalReportedProblems`: its workflow tasks fail."""
    progress: datetime | None = None
    """When something last happened in it; None: nobody has looked."""
    waits_for: str = ""
    """What it waits for by itself: the step under way, and why its attempts fail."""
    step_until: datetime | None = None
    """How long the steps under way may take by their own limits; None: one is tried again, or
    waits for a worker."""
    has_children: bool = False
    """Runs below it are at work: whether they get on is theirs to tell."""
