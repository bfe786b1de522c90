"""From what one run costs to a million of them a day: the arithmetic of docs/scale.md.

Pure. The formulas are read off the table that `python -m tests.bench account` prints; a test
compares them with it, and the page's table with what comes out here.
"""

from dataclasses import dataclass, replace
from math import ceil

DAY = 86_400
MONTH_DAYS = 30.4
KIB = 1024

PEAK = 3
"""The busiest minute against the mean: 2.7 with 15 minutes of jitter (`tests.bench clock`)."""
WRITE_SECONDS = 0.005
"""Assumed: one write of the database. A shard makes one after another."""
IO_PER_WRITE = 3
"""Assumed: what reaches the disk for one, log and pages, with PostgreSQL."""
TASKS_PER_PARTITION = 200
"""Assumed: tasks a second that one partition of a queue hands out without making them wait."""
SLOTS = 100
"""Steps at once in one worker, as Rota sets it."""
BUSY = 0.6
"""How busy a worker's core may be."""
RETENTION_DAYS = 7

CLOUD_TIERS = ((5, 50), (5, 45), (10, 40), (30, 35), (50, 30), (100, 25))
"""Temporal Cloud, pay as you go: (million actions, dollars for each). Beyond them it is negotiated;
reckoned with the last price."""
GBH_ACTIVE, GBH_RETAINED = 0.042, 0.00105
S3_PUT, S3_GET, S3_GB_MONTH = 0.005 / 1000, 0.0004 / 1000, 0.023
"""Dollars: S3 Standard, us-east-1."""

KEEPER_EVENTS, KEEPER_BYTES = 10, 3.8 * KIB
"""Of each run, in its agent's keeper."""
KEEPER_FULL = 4096
"""Events after which a keeper continues as new."""
AGENTS = 100_000


@dataclass(frozen=True)
class Run:
    """One run of an agent; a turn and a tool call are a step each."""

    steps: int
    seconds: float = 0
    """That models and tools work, in all."""
    scheduled: bool = False
    beat: int = 1
    """Seconds between two heartbeats: a step sends its first so long after its start."""

    @property
    def events(self) -> float:
        """In its history."""
        return 10 + 6 * self.steps

    @property
    def size(self) -> float:
        """Bytes of it."""
        return (5.45 + 1.55 * self.steps) * KIB

    @property
    def beats(self) -> float:
        """Heartbeats that are due: none in a step that is shorter than their pace."""
        return self.steps * (self.seconds / self.steps // self.beat)

    @property
    def heartbeats(self) -> float:
        """Those that reach the server."""
        return 0.95 * self.beats

    @property
    def actions(self) -> float:
        """That Temporal Cloud bills: a schedule's start counts as two beside the run's own."""
        return 8 + self.steps + self.heartbeats + (2 if self.scheduled else 0)

    @property
    def writes(self) -> float:
        """Of workflow state in the database, keeper and scheduler included."""
        return 5 + 3 * self.steps + 1.6 * self.beats + (6 if self.scheduled else 0)

    @property
    def tasks(self) -> float:
        """That queues hand out: one for a step and one after it, and five of run and keeper."""
        return 2 * self.steps + 5

    @property
    def puts(self) -> float:
        """Requests that write into the object store."""
        return 2.5 * (self.steps + 1)

    @property
    def gets(self) -> float:
        """Requests that read from it, by one worker that keeps what it has read."""
        return self.steps

    @property
    def stored(self) -> float:
        """Bytes put there, for conversations of 100 tokens a turn."""
        return (1.2 + 0.97 * self.steps) * KIB

    @property
    def cpu(self) -> float:
        """Seconds of a worker's core."""
        return 0.024 + 0.0055 * self.steps + 0.0015 * self.seconds


def cloud_dollars(actions: float) -> float:
    """What a month's actions cost."""
    left, dollars, price = actions / 1e6, 0.0, 0.0
    for million, price in CLOUD_TIERS:
        dollars += min(left, million) * price
        left = max(0, left - million)
    return dollars + left * price


def reckoning(run: Run, runs: int = 1_000_000) -> list[tuple[str, str, str]]:
    """What so many runs a day come to: (what, how it is reckoned, how much)."""
    second = runs / DAY
    writes, tasks = run.writes * second, run.tasks * second
    at_once = run.seconds * second * PEAK
    cores = run.cpu * second * PEAK / BUSY
    size = runs * (run.size + KEEPER_BYTES) / 1e9
    keepers = AGENTS * KEEPER_FULL / 2 / KEEPER_EVENTS * KEEPER_BYTES / 1e9
    shards = _power(writes * PEAK * WRITE_SECONDS / 0.1)
    actions = runs * run.actions * MONTH_DAYS
    puts, gets = runs * run.puts * MONTH_DAYS, runs * run.gets * MONTH_DAYS
    storage = 744 * (GBH_RETAINED * size * RETENTION_DAYS + GBH_ACTIVE * keepers)
    requests = puts * S3_PUT + gets * S3_GET
    stored = runs * run.stored / 1e9
    return [
        ("starts", "runs / 86,400; at the peak × 3", f"{second:.1f}/s; {second * PEAK:.0f}/s"),
        (
            "events",
            f"{run.events:.0f} of the run, {KEEPER_EVENTS} of its keeper",
            f"{runs * (run.events + KEEPER_EVENTS) / 1e6:.0f} million a day",
        ),
        (
            "history kept",
            f"{(run.size + KEEPER_BYTES) / KIB:.0f} KiB a run, {RETENTION_DAYS} days",
            f"{size:.0f} GB a day, {size * RETENTION_DAYS:.0f} GB",
        ),
        (
            "database writes",
            f"{run.writes:.0f} a run; at the peak × 3",
            f"{writes:,.0f}/s; {writes * PEAK:,.0f}/s",
        ),
        (
            "database IOPS",
            f"writes at the peak × {IO_PER_WRITE}",
            f"{writes * PEAK * IO_PER_WRITE:,.0f}",
        ),
        (
            "shards",
            f"at {WRITE_SECONDS * 1000:.0f} ms a write, none busier than a tenth: peak × "
            f"{WRITE_SECONDS} / 0.1, the next power of two; × 4 to grow, as it can never change",
            f"{shards}; {4 * shards}",
        ),
        (
            "partitions of the task queue",
            f"{run.tasks:.0f} tasks a run, at the peak / {TASKS_PER_PARTITION}",
            f"{ceil(tasks * PEAK / TASKS_PER_PARTITION)}",
        ),
        (
            "steps at once",
            f"{run.seconds:g} s a run × starts at the peak",
            f"{at_once:,.0f}",
        ),
        (
            "workers",
            f"the larger of steps at once / {SLOTS} and cores at {BUSY:.0%} "
            f"({run.cpu * 1000:.0f} ms a run), and a quarter more",
            f"{ceil(1.25 * max(at_once / SLOTS, cores))} "
            f"({ceil(at_once / SLOTS)} for steps, {ceil(cores)} for CPU)",
        ),
        (
            "object store, requests",
            f"{run.puts:.0f} PUT and {run.gets:.0f} GET a run",
            f"{puts / 1e6:,.0f} and {gets / 1e6:,.0f} million a month: ${requests:,.0f}",
        ),
        (
            "object store, bytes",
            f"{run.stored / KIB:.1f} KiB a run, kept for 30 days",
            f"{stored:.1f} GB a day: ${30 * stored * S3_GB_MONTH:,.0f} a month",
        ),
        (
            "Temporal Cloud, actions",
            f"{run.actions:.1f} a run, of which {run.heartbeats:.1f} heartbeats",
            f"{actions / 1e6:,.0f} million a month: ${cloud_dollars(actions):,.0f}",
        ),
        (
            "Temporal Cloud, storage",
            f"{RETENTION_DAYS} days retained; active: {AGENTS:,} keepers, half full on average",
            f"${storage:,.0f} a month ({keepers:.0f} GB active)",
        ),
    ]


def _power(number: float) -> int:
    return 2 ** max(0, ceil(number) - 1).bit_length()


TYPICAL = Run(steps=5, seconds=30, scheduled=True)
"""Three turns and two tool calls, which take half a minute."""
SELDOM = replace(TYPICAL, beat=18)
"""The same of an agent with `retry.lost_after: 60s`."""


def table() -> str:
    """A million typical runs a day, as docs/scale.md has it."""
    told = reckoning(TYPICAL)
    told += [
        (f"{what}, `retry.lost_after: 60s`", how, much)
        for what, how, much in reckoning(SELDOM)
        if what in ("database writes", "Temporal Cloud, actions")
    ]
    rows = [f"| {what} | {how} | {much} |" for what, how, much in told]
    return "\n".join(["| what | how | how much |", "|---|---|---|", *rows]) + "\n"
