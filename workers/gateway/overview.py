"""What the page for people shows of a fleet: from a look to rows, few enough to be read. Pure.

Whoever needs everything asks `/metrics` or the commands: here stands what comes first, and how
much more there is.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar

from rota.metrics.readings import AccountReading, KeeperReading, LimitReading
from rota.runs import RunStatus
from rota.usage import format_cost
from rota.watchdog.alerts import Alert
from workers.exporter.snapshot import ScheduleLook, Snapshot, WaitingCall, Waits

AGENTS = 50
"""Rows of one page."""
SHOWN = 10
"""Rows of every other table."""
TONES = ("bad", "wait", "busy", "calm")
"""From what needs somebody at once to what needs nobody: agents are listed in this order."""

OLD = timedelta(minutes=1)
"""So old a look is not taken for one of now."""
PARTS = {
    "keepers": "agents, pipelines and their budgets",
    "teams": "budgets of teams",
    "schedules": "next slots",
    "waits": "calls that wait for approval",
    "watchdog": "alerts",
}
"""Of a look, what the page shows, as people know it."""

Row = TypeVar("Row")


@dataclass(frozen=True)
class Some(Generic[Row]):
    """The first of many."""

    rows: tuple[Row, ...]
    total: int

    @property
    def more(self) -> int:
        """How many are left out."""
        return self.total - len(self.rows)


@dataclass(frozen=True)
class AgentRow:
    """One agent, or pipeline."""

    name: str
    kind: str
    team: str
    description: str
    state: str
    """In a few words, the most urgent first."""
    tone: str
    """One of `TONES`: a colour beside the words."""
    next: datetime | None
    paused: bool
    last_success: datetime | None
    last_end: datetime | None
    spent: str
    """Of today."""


@dataclass(frozen=True)
class CallRow:
    """A tool call that waits for a person."""

    agent: str
    call: WaitingCall


@dataclass(frozen=True)
class LimitRow:
    """A limit of a window that runs now."""

    name: str
    kind: str
    """`agent`, `pipeline` or `team`."""
    limit: LimitReading
    used: float
    """Which part of it is gone, reserved included; above 1 if runs spent more than they had."""

    @property
    def texts(self) -> tuple[str, str]:
        """What may be used in all, and what is left."""
        dimension, limit = self.limit.dimension, self.limit
        return _amount(limit.limit, dimension), _amount(limit.left, dimension)


@dataclass(frozen=True)
class Overview:
    """One page."""

    at: datetime
    agents: Some[AgentRow]
    number: int
    """Of the page of agents, from 1."""
    pages: int
    waiting: Some[CallRow]
    limits: Some[LimitRow]
    alerts: Some[Alert]
    watched: datetime | None
    """When the Watchdog looked last; None: it never did."""
    notes: tuple[str, ...]
    """What could not be read, and what is old."""
    unread: frozenset[str]
    """Of `PARTS`: whether there is nothing, or something, nobody knows."""


def overview(snapshot: Snapshot, now: datetime, number: int = 1) -> Overview:
    """Return the page with that number; the nearest there is for one that there is not."""
    rows = [_agent(name, reading, snapshot) for name, reading in snapshot.agents.items()]
    rows.sort(key=lambda row: (TONES.index(row.tone), row.name))
    pages = max(1, -(-len(rows) // AGENTS))
    number = min(max(number, 1), pages)
    there = tuple(rows[(number - 1) * AGENTS : number * AGENTS])
    watched = snapshot.watched
    return Overview(
        at=snapshot.at,
        agents=Some(there, len(rows)),
        number=number,
        pages=pages,
        waiting=_waiting(snapshot.waits),
        limits=_first(sorted(_limits(snapshot), key=lambda row: (-row.used, row.name))),
        alerts=_first(watched.open if watched else ()),
        watched=watched.checked if watched else None,
        notes=tuple(_notes(snapshot, now)),
        unread=frozenset(_unread(snapshot)),
    )


def _agent(name: str, reading: KeeperReading, snapshot: Snapshot) -> AgentRow:
    look = snapshot.schedules.get(name)
    state, tone = _state(reading, snapshot.waits.get(name, Waits()), look)
    day = [micros for kind, micros in reading.account.spent.items() if kind == "day"]
    return AgentRow(
        name=name,
        kind=reading.kind.lower(),
        team=reading.team,
        description=reading.description,
        state=state,
        tone=tone,
        next=look.next if look and not look.paused else None,
        paused=look is not None and look.paused,
        last_success=reading.totals.last_success,
        last_end=reading.totals.last_end,
        spent=format_cost(sum(day)),
    )


def _state(reading: KeeperReading, waits: Waits, look: ScheduleLook | None) -> tuple[str, str]:
    queued = reading.open.get(RunStatus.QUEUED, 0)
    running = sum(reading.open.values()) - queued
    found = [
        ("bad", "blocked", bool(reading.blocked)),
        ("bad", f"effects unknown: {reading.unknown_effects}", bool(reading.unknown_effects)),
        ("wait", "frozen", reading.frozen),
        ("wait", f"{waits.approvals} to approve", bool(waits.approvals)),
        ("wait", f"{waits.parked} parked", bool(waits.parked)),
        ("busy", f"{running} at work", running > 0),
        ("busy", f"{queued} queued", queued > 0),
        ("wait", "paused", look is not None and look.paused),
    ]
    holding = [(tone, text) for tone, text, holds in found if holds]
    if not holding:
        return "idle", "calm"
    return ", ".join(text for _, text in holding), holding[0][0]


def _waiting(waits: Mapping[str, Waits]) -> Some[CallRow]:
    rows = [CallRow(name, call) for name, each in waits.items() for call in each.calls]
    rows.sort(key=lambda row: row.call.since)
    # Runs that have not answered wait as well.
    total = max(len(rows), sum(each.approvals for each in waits.values()))
    return Some(tuple(rows[:SHOWN]), total)


def _limits(snapshot: Snapshot) -> Iterable[LimitRow]:
    for name, reading in snapshot.agents.items():
        yield from _of(name, reading.kind.lower(), reading.account)
    for name, account in snapshot.teams.items():
        yield from _of(name, "team", account)


def _of(name: str, kind: str, account: AccountReading) -> Iterable[LimitRow]:
    for limit in account.limits:
        # Nothing may be spent: all of it is gone.
        used = 1 - limit.left / limit.limit if limit.limit else 1.0
        yield LimitRow(name, kind, limit, used)


def _amount(amount: int, dimension: str) -> str:
    if dimension != "micros":
        return f"{amount:,} tokens"
    return format_cost(amount) if amount >= 0 else f"-{format_cost(-amount)}"


def _unread(snapshot: Snapshot) -> Iterable[str]:
    yield from PARTS.keys() - snapshot.read.keys()
    if "keepers" not in snapshot.read:
        # Whose they are is not known either.
        yield from ("schedules", "waits")


def _notes(snapshot: Snapshot, now: datetime) -> Iterable[str]:
    if now - snapshot.at > OLD:
        minutes = (now - snapshot.at) // timedelta(minutes=1)
        yield f"all but the runs is {minutes} min old: a newer look is under way, look again soon"
    if snapshot.unheard:
        yield (
            f"{snapshot.unheard} of {snapshot.heard + snapshot.unheard} agents and pipelines did "
            "not answer: what stands here of them is as it was when they last did, or missing"
        )
    for part, what in PARTS.items():
        read = snapshot.read.get(part)
        if read is None:
            yield f"{what} could not be read yet: the gateway's log says why"
        elif read < snapshot.at:
            at = read.astimezone(UTC)
            yield (
                f"{what} are those of {at:%Y-%m-%d %H:%M:%S}: they could not be read since, and "
                "the gateway's log says why"
            )


def _first(rows: Sequence[Row]) -> Some[Row]:
    return Some(tuple(rows[:SHOWN]), len(rows))
