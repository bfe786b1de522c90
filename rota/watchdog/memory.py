"""What the Watchdog remembers from one check to the next, and what one check has seen. Pure.

The memory is the result of a check, which Temporal hands to the next one of the schedule: there
is no other store of it. It is kept small, for it travels in the schedule's own state.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from pydantic import Field

from rota.model import StepResult
from rota.notifications import Fact
from rota.notify_spec import Occasion
from rota.watchdog.alerts import Alert, News, Scope, carry_on
from rota.watchdog.archiving import ArchiveState
from rota.watchdog.looks import Looked
from rota.watchdog.queues import unserved
from rota.watchdog.silence import silent, unstarted_since

MOST_UNHEARD = 50
"""Agents told by name that could not be judged."""


class WatchMemory(StepResult):
    """What is known after a check: the result of the workflow `Watchdog`."""

    fleet: str = ""
    checked: datetime | None = None
    """When the check began; None: there was none."""
    judged_until: datetime | None = None
    """Agents of whom `undecided` says nothing are judged from then on."""
    agents: int = 0
    """How many were judged."""
    runs: int = 0
    """How many of their workflows are at work."""
    alerts: tuple[Alert, ...] = ()
    """Those that are open, and those that are over and may be found again."""
    undecided: dict[str, datetime] = Field(default_factory=dict[str, datetime])
    """By agent: where its slots are judged from, if not from `judged_until` on."""
    unstarted: tuple[datetime, ...] = ()
    """Slots since the last start of any run, for which nothing began."""
    unheard: tuple[str, ...] = ()
    """Agents that could not be judged: their keepers do not answer."""
    trouble: tuple[str, ...] = ()
    """What went wrong in the check itself."""
    untold: tuple[Fact, ...] = ()
    """What could not be handed to channels: the next check tries again."""
    archive: ArchiveState | None = None
    """Where putting away closed runs has come to; None: it was never asked for."""

    @property
    def open(self) -> tuple[Alert, ...]:
        """Alerts of which nobody was told that they are over, oldest first."""
        return tuple(sorted((a for a in self.alerts if a.is_open), key=lambda a: a.since))


def remember(
    memory: WatchMemory,
    fleet: str,
    pages: Sequence[Looked],
    now: datetime,
    *,
    whole: bool,
) -> tuple[WatchMemory, list[News]]:
    """Make the next memory of what a check has seen, and say what is to be told.

    Args:
        memory: Of the check before.
        fleet: Its name.
        pages: What was seen, page by page.
        now: When the check began.
        whole: All pages were seen.
    """
    unheard = [name for page in pages for name in page.unheard]
    agents = [name for page in pages for name in page.agents]
    starts = [page.last_start for page in pages if page.last_start is not None]
    came = [slot for page in pages for slot in page.unstarted]
    unstarted = unstarted_since(memory.unstarted, came, max(starts, default=None))
    quiet = silent(fleet, unstarted, now)
    findings = [each for page in pages for each in page.findings]
    findings += [quiet] if quiet else []
    waiting = Counter[str]()
    for page in pages:
        waiting.update(page.queues)
    served = {queue: is_served for page in pages for queue, is_served in page.served.items()}
    findings += unserved(waiting, served, now)
    scope = Scope(agents, whole, unheard)
    known = [alert for alert in memory.alerts if alert.kind is not Occasion.ARCHIVE_LAG]
    apart = [alert for alert in memory.alerts if alert.kind is Occasion.ARCHIVE_LAG]
    alerts, news = carry_on(known, findings, scope, now)
    since = memory.judged_until or now
    undecided = {name: at for page in pages for name, at in page.undecided.items()}
    for name, at in memory.undecided.items():
        if name not in agents and (name in unheard or not whole):
            undecided.setdefault(name, at)
    for name in unheard:
        undecided.setdefault(name, since)
    return (
        memory.model_copy(
            update={
                "fleet": fleet,
                "checked": now,
                # Who was not even listed is judged from where the last check ended.
                "judged_until": now if whole else since,
                "agents": len(agents),
                "runs": sum(page.runs for page in pages),
                "alerts": (*alerts, *apart),
                "undecided": undecided,
                "unstarted": unstarted,
                "unheard": tuple(sorted(unheard)[:MOST_UNHEARD]),
                "trouble": tuple(line for page in pages for line in page.trouble),
            }
        ),
        news,
    )
