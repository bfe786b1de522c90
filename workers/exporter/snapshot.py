"""What one look at a fleet has found: plain values, from which the metrics are made. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rota.metrics.readings import AccountReading, KeeperReading
from rota.runtimes.breaker import Phase
from rota.watchdog.memory import WatchMemory


@dataclass(frozen=True)
class ScheduleLook:
    """A schedule, as the server lists it."""

    next: datetime | None
    """None: no slot follows."""
    interval: timedelta | None
    """The longest time between two of the next slots; None: fewer than two follow."""
    paused: bool
    upcoming: tuple[datetime, ...] = ()
    """The next slots in order, as many as the server lists: a few."""


@dataclass(frozen=True)
class WaitingCall:
    """A tool call that waits for somebody's decision."""

    run: str
    """Workflow id."""
    call: str
    """Unique within the run: `a1`."""
    tool: str
    requester: str
    """Who asked for the run; empty if nobody knows."""
    since: datetime
    until: datetime
    """After this no decision counts."""


@dataclass(frozen=True)
class Waits:
    """Runs of one agent that wait for people."""

    approvals: int = 0
    oldest: datetime | None = None
    """Since when the oldest approval waits."""
    parked: int = 0
    calls: tuple[WaitingCall, ...] = ()
    """Those of runs that were asked and have answered, oldest run first."""


@dataclass(frozen=True)
class BreakerLook:
    """A breaker there is."""

    runtime: str
    """The kind."""
    account: str
    """Whose capacity it guards, in words without secrets."""
    phase: Phase


@dataclass(frozen=True)
class Snapshot:
    """A fleet at one moment; a part that could not be read is as it was when it last could."""

    at: datetime
    """When the look began."""
    took: timedelta
    version: str
    read: Mapping[str, datetime] = field(default_factory=dict[str, datetime])
    """By part: when a look began that could read it; one that never was is not in it."""
    check_every: timedelta | None = None
    """From one check of the Watchdog to the next; None: the fleet declares none."""
    agents: Mapping[str, KeeperReading] = field(default_factory=dict[str, KeeperReading])
    """By name, pipelines too: whoever has answered once, and is still declared."""
    heard: int = 0
    """Those that have answered this time."""
    unheard: int = 0
    """Those that did not."""
    teams: Mapping[str, AccountReading] = field(default_factory=dict[str, AccountReading])
    schedules: Mapping[str, ScheduleLook] = field(default_factory=dict[str, ScheduleLook])
    """By agent or pipeline; who has none is not in it."""
    waits: Mapping[str, Waits] = field(default_factory=dict[str, Waits])
    breakers: tuple[BreakerLook, ...] = ()
    watched: WatchMemory | None = None
    """What the Watchdog's newest check has found; None: there was none."""
    failures: Mapping[str, int] = field(default_factory=dict[str, int])
    """By part: looks that came to nothing so far."""
    deliveries: Mapping[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])
    """What was posted to this gateway, by door and by how it was answered."""
