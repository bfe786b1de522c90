"""A hundred thousand schedules on the clock of one day: how many slots come at the same moment.

Pure, and the same each time: schedules are drawn from a mix by a seed, their slots are Rota's own
(`rota.schedule.slot_times`), and what jitter does is drawn as the server does it, evenly over
its length. `python -m tests.bench clock` writes tables and picture of docs/scale.md anew.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from random import Random

from rota.language.durations import format_duration
from rota.schedule.slot_times import times_between
from rota.schedule.spec import ScheduleSpec
from tests.bench.clock_picture import picture
from tests.bench.measures import Effort, Measure
from tests.bench.reckoning import table as reckoning_table

DOCS = Path(__file__).parents[2] / "docs"
SEED = 20261201
DAY = datetime(2026, 12, 1, tzinfo=UTC)
"""A working day that is also the first of a month: what fires daily, weekly or monthly fires."""
SCHEDULES = 100_000
STARTS_A_SECOND = 30
"""As many as a server starts for one namespace, unless it is told otherwise."""
JITTERS = (timedelta(0), timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15))

ZONES = {
    "UTC": 30,
    "Europe/Berlin": 20,
    "America/New_York": 20,
    "America/Los_Angeles": 10,
    "Europe/London": 8,
    "Asia/Kolkata": 7,
    "Asia/Tokyo": 5,
}
"""Where the people are who write schedules, in per cent."""

Crons = tuple[str, ...]


def _daily(hours: range, days: str = "*", minutes: tuple[int, ...] = (0,)) -> Crons:
    return tuple(f"{minute} {hour} * * {days}" for hour in hours for minute in minutes)


MIX: dict[str, tuple[float, Crons]] = {
    "daily, at a full hour": (34.0, _daily(range(24))),
    "daily at midnight": (6.0, ("0 0 * * *",)),
    "daily at 09:00 on working days": (14.0, ("0 9 * * 1-5",)),
    "daily, at any minute": (9.0, _daily(range(24), minutes=tuple(range(1, 60, 2)))),
    "each hour, at its beginning": (17.0, ("0 * * * *",)),
    "each hour, at any minute": (5.0, tuple(f"{minute} * * * *" for minute in range(1, 60))),
    "each four hours": (4.0, ("0 */4 * * *",)),
    "each quarter of an hour": (4.0, ("*/15 * * * *",)),
    "each five minutes": (0.3, ("*/5 * * * *",)),
    "weekly": (5.2, tuple(f"0 8 * * {day}" for day in range(7))),
    "monthly": (1.5, ("0 6 1 * *",)),
}
"""What people write: its share in per cent, and the crons that it is drawn from evenly. Assumed:
most write a full hour."""


@dataclass(frozen=True)
class Clock:
    """What comes when, from the beginning of a day."""

    starts: Mapping[int, int]
    """How many come in each second; those that jitter moves into the next day count there."""

    @cached_property
    def total(self) -> int:
        """All of them."""
        return sum(self.starts.values())

    @cached_property
    def minutes(self) -> Counter[int]:
        """How many come in each minute."""
        found: Counter[int] = Counter()
        for second, count in self.starts.items():
            found[second // 60] += count
        return found

    def latest(self, rate: int) -> int:
        """Seconds that the last one waits if no more than `rate` start in a second."""
        waiting, worst, at = 0, 0, 0
        for second in sorted(self.starts):
            waiting = max(0, waiting - rate * (second - at)) + self.starts[second]
            worst, at = max(worst, -(-waiting // rate) - 1), second
        return worst


def drawn(schedules: int, seed: int) -> Counter[tuple[str, str]]:
    """How many schedules have each cron and zone."""
    random = Random(seed)
    kinds = random.choices(list(MIX), [share for share, _ in MIX.values()], k=schedules)
    zones = random.choices(list(ZONES), list(ZONES.values()), k=schedules)
    return Counter(
        (random.choice(MIX[kind][1]), zone) for kind, zone in zip(kinds, zones, strict=True)
    )


def slots(schedules: Mapping[tuple[str, str], int]) -> Counter[int]:
    """How many schedules have a slot in each second of the day."""
    found: Counter[int] = Counter()
    for (cron, zone), count in schedules.items():
        spec = ScheduleSpec(cron=(cron,), timezone=zone)
        for slot in times_between(spec, DAY, DAY + timedelta(days=1, seconds=-1)):
            found[int((slot - DAY).total_seconds())] += count
    return found


def jittered(slots: Mapping[int, int], jitter: timedelta, seed: int) -> Clock:
    """Each slot somewhere within `jitter` after its time."""
    length = jitter.total_seconds()
    if not length:
        return Clock(slots)
    random = Random(seed).random
    moved: Counter[int] = Counter()
    for second, count in slots.items():
        moved.update(int(second + random() * length) for _ in range(count))
    return Clock(moved)


def clocks(schedules: int = SCHEDULES) -> dict[timedelta, Clock]:
    """The day with each jitter."""
    nominal = slots(drawn(schedules, SEED))
    return {jitter: jittered(nominal, jitter, SEED) for jitter in JITTERS}


def table(days: Mapping[timedelta, Clock]) -> str:
    """The days side by side, as docs/scale.md has them."""
    lines = [
        "| jitter | starts a day | mean a second | busiest second | busiest minute | its share "
        f"| last start after, at {STARTS_A_SECOND}/s |",
        "|---|---|---|---|---|---|---|",
    ]
    for jitter, day in days.items():
        busiest = max(day.minutes.values())
        late = format_duration(timedelta(seconds=day.latest(STARTS_A_SECOND)))
        lines.append(
            f"| {format_duration(jitter) if jitter else 'none'} | {day.total:,} | "
            f"{day.total / 86_400:.1f} | {max(day.starts.values()):,} | {busiest:,} | "
            f"{busiest / day.total:.1%} | {late} |"
        )
    return "\n".join(lines) + "\n"


def mix_table() -> str:
    """What the schedules are drawn from, as docs/scale.md has it."""
    rows = [f"| {kind} | {share:g} % |" for kind, (share, _) in MIX.items()]
    return "\n".join(["| a schedule is | share |", "|---|---|", *rows]) + "\n"


def written(page: str, part: str, text: str) -> str:
    """Replace what stands between the marks of `part` in a page."""
    begin, end = f"<!-- {part} -->\n", f"<!-- end of {part} -->"
    before, _, rest = page.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n{text}\n{end}{after}"


async def measure(folder: Path, effort: Effort) -> list[Measure]:
    """The peaks; at full size tables and picture are written into the documentation."""
    days = clocks(effort.scaled(SCHEDULES, 5_000))
    print(table(days), flush=True)
    if not effort.quick:
        page = DOCS / "scale.md"
        text = written(page.read_text(), "mix", mix_table())
        text = written(text, "clock", table(days))
        page.write_text(written(text, "reckoning", reckoning_table()))
        (DOCS / "scale-clock.svg").write_text(picture({j: days[j].minutes for j in JITTERS}))
    return [
        Measure(
            f"busiest second with jitter {format_duration(jitter)}",
            max(day.starts.values()),
            "starts",
            detail=f"{day.total / 86_400:.1f} on average",
        )
        for jitter, day in days.items()
    ]
