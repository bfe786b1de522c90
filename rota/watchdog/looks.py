"""What a check is asked, and what it sees: records between the workflow and its activities."""

from datetime import datetime

from pydantic import Field

from rota.expected.evidence import Outage
from rota.model import Record, StepResult
from rota.notices.spec import NotifySpec
from rota.watchdog.alerts import Alert, Finding
from rota.watchdog.silence import Unstarted
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


class ListOrder(Record):
    """List one page of the fleet's agents."""

    fleet: str
    page: str = ""
    """Where the page before ended; empty: the first."""


class Listed(StepResult):
    """One page of agents, as the server lists their keepers."""

    names: tuple[str, ...] = ()
    next_page: str = ""
    """Empty: it was the last."""


class LookOrder(Record):
    """Look at some agents."""

    fleet: str
    names: tuple[str, ...]
    now: datetime
    since: datetime
    """Slots and ends since then are new, or were new to the check before."""
    unwatched: Outage | None = None
    """When no check was made last, though one was due."""
    number: int = 0
    """Of the check: what cannot be looked into all at once has its turn."""
    undecided: dict[str, datetime] = Field(default_factory=dict[str, datetime])
    """Of these agents."""
    alerts: tuple[Alert, ...] = ()
    """Of these agents."""


class Looked(StepResult):
    """What was seen of some agents."""

    agents: tuple[str, ...] = ()
    """Those that were judged."""
    unheard: dict[str, str] = Field(default_factory=dict[str, str])
    """Those that could not be judged, and why; no word if an alert of their queue says it."""
    findings: tuple[Finding, ...] = ()
    undecided: dict[str, datetime] = Field(default_factory=dict[str, datetime])
    unstarted: tuple[Unstarted, ...] = ()
    resting: tuple[str, ...] = ()
    """Agents that begin nothing by themselves: without a schedule, or declared paused."""
    last_start: datetime | None = None
    runs: int = 0
    queues: dict[str, int] = Field(default_factory=dict[str, int])
    """Runs at work by task queue; 0 for one that only new ones would need."""
    served: dict[str, bool] = Field(default_factory=dict[str, bool])
    """By task queue, those of runtimes among them: whether anybody asks it for work."""
    notify: dict[str, tuple[NotifySpec, ...]] = Field(
        default_factory=dict[str, tuple[NotifySpec, ...]]
    )
    """By agent: whom its own declaration tells of alerts, as far as that was read."""
    trouble: tuple[str, ...] = ()


class Beat(Record):
    """A check has ended."""

    url: str
    """Or a reference to a secret that holds it."""
    method: BeatMethod
    fleet: str
    alerts: int
    """Open ones."""
