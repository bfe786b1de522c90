"""A day of trouble with a Watchdog in it: it checks every few minutes, as long as the server is up.

What it tells is kept; what it ought to have told is read off the day's own list of what became of
each slot, when the day is over.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from rota.expected.evidence import Evidence
from rota.expected.in_force import Chronicle
from rota.expected.verdicts import Judge
from rota.watchdog.alerts import News
from rota.watchdog.looks import Looked
from rota.watchdog.memory import WatchMemory, remember
from rota.watchdog.missing import Slots
from rota.watchdog.slot_rules import judge_slots
from tests.rota.expected.simulated_day import EVERY, Day
from tests.rota.keepers.desks import T0, pinned

BEGAN = {"succeeded", "failed"}
HELD = {"paused", "frozen", "coalesced", "in_time"}
WALL_CLOCK = timedelta(minutes=30)
SPEC = pinned(schedule={"every": "5m"}, wall_clock_seconds=WALL_CLOCK.total_seconds())
QUIET = timedelta(hours=3)
"""After the last slot: by then every run has ended."""


@dataclass
class WatchedDay(Day):
    """A day, and what its Watchdog tells in it."""

    check_every: int = 130
    """Seconds from one check to the next."""
    memory: WatchMemory = field(default_factory=WatchMemory)
    told: list[News] = field(default_factory=list[News])

    def __post_init__(self) -> None:
        super().__post_init__()
        # No slots after the day, of which it knows nothing.
        (declared,) = self.state.in_force.declared
        assert declared.schedule is not None
        end = T0 + self.slots * EVERY - timedelta(seconds=1)
        schedule = declared.schedule.model_copy(update={"end": end})
        declared = declared.model_copy(update={"schedule": schedule})
        self._note(Chronicle(declared=(declared,)))

    def live(self) -> "WatchedDay":
        """Go through the day; the Watchdog begins with it."""
        self.memory = self.memory.model_copy(update={"judged_until": T0 - timedelta(seconds=1)})
        end, at = T0 + self.slots * EVERY + QUIET, T0
        while at < end:
            at += timedelta(seconds=self.check_every)
            self._push(at, 9, "check", at)
        super().live()
        return self

    def _check(self, _: datetime) -> None:
        if self.memory.checked == self.now:
            return  # What the outage has held back is one check.
        since = self.memory.undecided.get("report", self.memory.judged_until or self.now)
        slots = Slots(self._now_known(), SPEC, self.now)
        fresh = self.memory.judged_until
        judged = judge_slots(slots, since, fresh=fresh, known=self.memory.alerts)
        page = Looked(
            agents=("report",),
            findings=tuple(judged.findings),
            undecided=({"report": judged.decided_until} if judged.decided_until < self.now else {}),
        )
        self.memory, news = remember(self.memory, "f", [page], self.now, whole=True)
        self.told += news

    def _now_known(self) -> Evidence:
        """As the server lists it to the Watchdog: what is at work, and what began of late."""
        evidence = self.evidence(remembered=True, witnessed=False)
        recent = self.now - timedelta(hours=1)
        fired = {
            slot: each
            for slot, each in evidence.fired.items()
            if each.ended is None or each.at >= recent
        }
        live = evidence.live.model_copy(update={"paused": self._paused}) if evidence.live else None
        return replace(evidence, fired=fired, live=live)

    def expected(self) -> list[tuple[datetime, datetime | None]]:
        """What ought to have been told: the first slot of each row, and what ended the row."""
        judge = Judge(self.evidence(remembered=True, witnessed=False), self.now)
        rows: list[tuple[datetime, datetime | None]] = []
        is_open = False
        for slot in sorted(self.truth):
            if slot >= T0 + self.slots * EVERY:
                continue
            words = self._seen(slot, self.truth[slot])
            if words & HELD and words - HELD:
                # Either would have stopped it.
                words = self._seen(slot, {judge.verdict(slot).state.value})
            if words <= BEGAN and is_open:
                rows[-1] = (rows[-1][0], slot)
                is_open = False
            elif not words & (BEGAN | HELD) and not is_open:
                rows.append((slot, None))
                is_open = True
        return rows

    def _seen(self, slot: datetime, words: set[str]) -> set[str]:
        """As people see it: a slot behind a run that is in time is dropped as declared."""
        if "overlap" not in words:
            return words
        works = [
            (end or datetime.max.replace(tzinfo=slot.tzinfo), begin)
            for other, (begin, end) in self._works.items()
            if other != slot and begin < slot and (end is None or end > slot)
        ]
        if not works or slot > max(works)[1] + WALL_CLOCK:
            return words
        return {*words - {"overlap"}, "in_time"}
