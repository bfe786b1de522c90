"""What the Watchdog remembers from one check to the next, and what one check has seen. Pure.

The memory is the result of a check, which Temporal hands to the next one of the schedule: there
is no other store of it. It is kept small, for it travels in the schedule's own state.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import chain

from pydantic import Field

from rota.expected.evidence import Outage
from rota.model import StepResult
from rota.notices.facts import Fact
from rota.notices.spec import NotifySpec
from rota.watchdog.alerts import Alert, Finding, News, Scope, carry_on
from rota.watchdog.archiving import OF_THE_ARCHIVE, ArchiveState
from rota.watchdog.crowd import crowded, fitting
from rota.watchdog.looks import Looked
from rota.watchdog.queues import unserved
from rota.watchdog.silence import Unstarted, silent, unstarted_since
from rota.watchdog.unheard import lines, not_judged

MOST_UNHEARD = 50
"""Agents remembered by name that could not be judged."""
MOST_TROUBLE = 20
"""Lines of it."""
PUNCTUAL = timedelta(seconds=10)
"""By how much more than its interval a check of a healthy server follows the one before."""


class WatchMemory(StepResult):
    """What is known after a check: the result of the workflow `Watchdog`."""

    fleet: str = ""
    number: int = 0
    """Of the check."""
    checked: datetime | None = None
    """When the check began; None: there was none."""
    unwatched: Outage | None = None
    """The last time in which no check was made though one was due; None: not yet."""
    listed: datetime | None = None
    """When the last check began that listed all agents."""
    judged_until: datetime | None = None
    """Agents of whom `undecided` says nothing are judged from then on: since the check before
    that one, for a list may leave out an agent once."""
    begin: int = 0
    """With which page of agents the next check begins: that at which time was up."""
    agents: int = 0
    """How many were judged."""
    runs: int = 0
    """How many of their workflows are at work."""
    alerts: tuple[Alert, ...] = ()
    """Those that are open, and those that are over and may be found again."""
    undecided: dict[str, datetime] = Field(default_factory=dict[str, datetime])
    """By agent: where its slots are judged from, if not from `judged_until` on."""
    unstarted: tuple[Unstarted, ...] = ()
    """Slots since the last start of any run, for which nothing began."""
    last_start: datetime | None = None
    """When any run began last, as far as that was seen."""
    unheard: tuple[str, ...] = ()
    """Agents that could not be judged."""
    absent: tuple[str, ...] = ()
    """Agents of which something is known, and that the last list left out."""
    notify: dict[str, tuple[NotifySpec, ...]] = Field(
        default_factory=dict[str, tuple[NotifySpec, ...]]
    )
    """By agent of which there is anything to tell: whom its own declaration tells."""
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


def resumed(memory: WatchMemory, every: timedelta, now: datetime) -> WatchMemory:
    """Note whether nobody has checked for longer than the interval.

    Args:
        memory: Of the check before.
        every: From one check to the next.
        now: When the check began.
    """
    if memory.checked is None or now - memory.checked <= every + PUNCTUAL:
        return memory
    return memory.model_copy(update={"unwatched": Outage(since=memory.checked, until=now)})


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
        whole: All agents were listed.
    """
    unheard = {name: why for page in pages for name, why in page.unheard.items()}
    agents = {name for page in pages for name in page.agents}
    gone, absent = _not_listed(memory, {*agents, *unheard}, whole=whole)
    since = memory.judged_until or now
    starts = [page.last_start for page in pages] + [memory.last_start]
    last_start = max(filter(None, starts), default=None)
    resting = {*gone, *chain.from_iterable(page.resting for page in pages)}
    came = chain.from_iterable(page.unstarted for page in pages)
    unstarted = unstarted_since(memory.unstarted, came, last_start, resting)
    findings = _of_fleet(memory, fleet, pages, unheard, unstarted, now)
    findings += [each for page in pages for each in page.findings]
    scope = Scope(agents, whole, {*unheard, *absent})
    known = [alert for alert in memory.alerts if alert.kind not in OF_THE_ARCHIVE]
    apart = [alert for alert in memory.alerts if alert.kind in OF_THE_ARCHIVE]
    fit, left = fitting(known, findings, scope)
    crowd = crowded(fleet, left, now)
    alerts, news = carry_on(known, [*fit, *crowd], scope, now)
    undecided = {name: at for page in pages for name, at in page.undecided.items()}
    for name, at in memory.undecided.items():
        if name not in agents and name not in gone:
            undecided.setdefault(name, at)
    for name in {*unheard, *absent}:
        undecided.setdefault(name, since)
    for name in {each.agent for each in left if each.agent}:
        # Found again by the next check, for which there may be room.
        undecided[name] = memory.undecided.get(name, since)
    talked_of = {each.agent for each in (*alerts, *(each.alert for each in news))}
    return (
        memory.model_copy(
            update={
                "fleet": fleet,
                "number": memory.number + 1,
                "checked": now,
                "listed": now if whole else memory.listed,
                # Who was not even listed is judged from where it was judged last.
                "judged_until": (memory.listed or now) if whole else since,
                "agents": len(agents),
                "runs": sum(page.runs for page in pages),
                "alerts": (*alerts, *apart),
                "undecided": undecided,
                "unstarted": unstarted,
                "last_start": last_start,
                "unheard": tuple(sorted(unheard)[:MOST_UNHEARD]),
                "absent": tuple(sorted(absent)),
                "notify": _notify(memory, pages, talked_of),
                "trouble": _bounded([*_troubles(pages, unheard), *(f.reason for f in crowd)]),
            }
        ),
        news,
    )


def _not_listed(memory: WatchMemory, listed: set[str], *, whole: bool) -> tuple[set[str], set[str]]:
    """Agents of which something is known that are gone, and those that may be.

    A list may leave out an agent once: its keeper has gone on in a new execution meanwhile.
    """
    known = {alert.agent for alert in memory.alerts if alert.agent} | set(memory.undecided)
    missing = known - listed
    if not whole:
        return set(), missing & set(memory.absent)
    gone = missing & set(memory.absent)
    return gone, missing - gone


def _of_fleet(
    memory: WatchMemory,
    fleet: str,
    pages: Sequence[Looked],
    unheard: dict[str, str],
    unstarted: tuple[Unstarted, ...],
    now: datetime,
) -> list[Finding]:
    """What is about no one agent; it comes first, whatever else there is."""
    quiet = silent(fleet, unstarted, now)
    waiting = Counter[str]()
    for page in pages:
        waiting.update(page.queues)
    served = {queue: is_served for page in pages for queue, is_served in page.served.items()}
    twice = {name for name, why in unheard.items() if why} & set(memory.unheard)
    findings = [quiet] if quiet else []
    return [*findings, *unserved(waiting, served, now), *not_judged(fleet, twice, now)]


def _notify(
    memory: WatchMemory, pages: Sequence[Looked], talked_of: set[str]
) -> dict[str, tuple[NotifySpec, ...]]:
    known = dict(memory.notify)
    for page in pages:
        known.update(page.notify)
    wanted = talked_of | {fact.agent for fact in memory.untold}
    return {name: to for name, to in sorted(known.items()) if to and name in wanted}


def _troubles(pages: Sequence[Looked], unheard: dict[str, str]) -> list[str]:
    return [*(line for page in pages for line in page.trouble), *lines(unheard)]


def _bounded(trouble: Sequence[str]) -> tuple[str, ...]:
    more = len(trouble) - MOST_TROUBLE
    return (*trouble[:MOST_TROUBLE], *([f"and {more} more"] if more > 0 else []))
