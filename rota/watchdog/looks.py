"""What a check is asked, and what it sees: records between the workflow and its activities."""

from datetime import datetime

from pydantic import Field

from rota.model import Record, StepResult
from rota.notify_spec import NotifySpec
from rota.watchdog.alerts import Alert, Finding
from rota.watchdog.watchdog_spec import BeatMethod, BeatSpec


class WatchOrder(Record):
    """Argument of the workflow `Watchdog`, as its schedule gives it."""

    fleet: str
    task_queue: str
    """Of the fleet's runs."""
    every_seconds: float = 60.0
    notify: tuple[NotifySpec, ...] = ()
    beat: BeatSpec | None = None
    archive: bool = True
    """Closed runs are put away, too."""


class LookOrder(Record):
    """Look at one page of the agents."""

    fleet: str
    task_queue: str
    page: str = ""
    """Where the page before ended; empty: the first."""
    now: datetime
    since: datetime
    """When the check before began: slots and ends since then are new."""
    undecided: dict[str, datetime] = Field(default_factory=dict[str, datetime])
    alerts: tuple[Alert, ...] = ()


class Looked(StepResult):
    """What was seen of one page of agents."""

    next_page: str = ""
    """Empty: it was the last."""
    agents: tuple[str, ...] = ()
    """Those that were judged."""
    unheard: tuple[str, ...] = ()
    """Those whose keepers do not answer."""
    findings: tuple[Finding, ...] = ()
    undecided: dict[str, datetime] = Field(default_factory=dict[str, datetime])
    unstarted: tuple[datetime, ...] = ()
    last_start: datetime | None = None
    runs: int = 0
    queues: dict[str, int] = Field(default_factory=dict[str, int])
    """Runs at work by task queue; 0 for one that only new ones would need."""
    served: dict[str, bool] = Field(default_factory=dict[str, bool])
    """By task queue, those of runtimes among them: whether anybody asks it for work."""
    notify: dict[str, tuple[NotifySpec, ...]] = Field(
        default_factory=dict[str, tuple[NotifySpec, ...]]
    )
    """By agent: whom its own declaration tells of alerts, if it does."""
    trouble: tuple[str, ...] = ()


class Beat(Record):
    """A check has ended."""

    url: str
    """Or a reference to a secret that holds it."""
    method: BeatMethod
    fleet: str
    alerts: int
    """Open ones."""
