"""A day of an agent's slots: a server and a keeper that fail, pause and freeze, as a model.

The server is written here from what Temporal documents and does; the keeper is Rota's own. The
list of what became of each slot is kept by the model, which never asks the code that is tested.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from rota.expected import in_force
from rota.expected.evidence import Evidence, Fired, Outage
from rota.expected.in_force import Chronicle, Toggle
from rota.expected.live import LiveSchedule
from rota.ids import scheduled_run_id
from rota.keepers import freezing, settling
from rota.keepers import rules as keeper
from rota.keepers.admission import AdmissionRequest, Decision, Settlement
from rota.keepers.freeze import FreezeRequest
from rota.keepers.state import KeeperState
from rota.run_ref import RunRef
from rota.runs import RunStatus, Trigger
from tests.rota.keepers.desks import T0, pinned

EVERY = timedelta(minutes=5)
SECOND = timedelta(seconds=1)
LATE = timedelta(seconds=60)


@dataclass(frozen=True)
class Span:
    """From so many seconds after the day began, for so many seconds."""

    start: int
    length: int

    @property
    def since(self) -> datetime:
        """Its begin."""
        return T0 + self.start * SECOND

    @property
    def until(self) -> datetime:
        """Its end."""
        return self.since + self.length * SECOND

    def holds(self, at: datetime) -> bool:
        """Whether a moment lies in it."""
        return self.since <= at < self.until


@dataclass
class Day:
    """What happens; `live` lets it happen."""

    slots: int
    outages: Sequence[Span] = ()
    pauses: Sequence[Span] = ()
    freezes: Sequence[Span] = ()
    slow: dict[int, int] = field(default_factory=dict[int, int])
    """By number of the slot: seconds that its run takes; others take 20."""
    failing: frozenset[int] = frozenset()
    catchup: str = "latest"
    window: timedelta = timedelta(minutes=10)

    def __post_init__(self) -> None:
        catchup = {"policy": self.catchup, "window": self.window}
        schedule = {"every": "5m", "catchup": catchup}
        spec = pinned(schedule=schedule, schedule_id="report", catchup_policy=self.catchup)
        self.state = keeper.declare(KeeperState(), spec)
        self._note(in_force.declared(self.state.in_force, spec, T0 - SECOND))
        self.truth: dict[datetime, set[str]] = {}
        """By slot: what became of it; several words where each alone would have done it."""
        self.fired: dict[datetime, Fired] = {}
        self.too_old = 0
        self.now = T0
        self._paused = False
        self._events: list[tuple[datetime, int, str, datetime]] = []
        self._servers: set[datetime] = set()
        """Slots whose runs the server has started, and which are open."""
        self._works: dict[datetime, tuple[datetime, datetime | None]] = {}
        """Begin and end of every run that the keeper let in."""
        self._began_batch: datetime | None = None

    def live(self) -> "Day":
        """Go through the day."""
        for number in range(self.slots):
            self._push(T0 + number * EVERY, 1, "slot", T0 + number * EVERY)
        for name, until, spans in (
            ("pause", "resume", self.pauses),
            ("freeze", "thaw", self.freezes),
        ):
            for span in spans:
                self._push(span.since, 2, name, span.since)
                self._push(span.until, 2, until, span.until)
        while self._events:
            at, order, what, about = heapq.heappop(self._events)
            down = next((span for span in self.outages if span.holds(at)), None)
            if down is not None:
                self._push(down.until, order, what, about)
                continue
            self.now = at
            getattr(self, f"_{what}")(about)
        return self

    def evidence(self, *, remembered: bool, witnessed: bool) -> Evidence:
        """What is known when the day is over.

        Args:
            remembered: The server still knows what it has started.
            witnessed: Somebody has seen the outages.
        """
        entries = tuple(self.state.ledger.values())
        seen = tuple(Outage(since=span.since, until=span.until) for span in self.outages)
        return replace(
            Evidence.of("report", self.state, entries, self.now),
            fired=self.fired if remembered else {},
            live=LiveSchedule(too_old=self.too_old, created=T0 - SECOND),
            outages=seen if witnessed else (),
        )

    def _push(self, at: datetime, order: int, what: str, about: datetime) -> None:
        heapq.heappush(self._events, (at, order, what, about))

    def _note(self, chronicle: Chronicle) -> None:
        self.state = self.state.model_copy(update={"in_force": chronicle})

    def _pause(self, _: datetime) -> None:
        self._paused = True
        self._note(in_force.toggled(self.state.in_force, Toggle(at=self.now, paused=True)))

    def _resume(self, _: datetime) -> None:
        self._paused = False
        self._note(in_force.toggled(self.state.in_force, Toggle(at=self.now, paused=False)))

    def _freeze(self, _: datetime) -> None:
        request = FreezeRequest(reason="quarter end", by="ann")
        self.state = freezing.freeze(self.state, request, self.now)[0]

    def _thaw(self, _: datetime) -> None:
        self.state = freezing.thaw(self.state, "ann", self.now)[0]
        self._grant()

    def _slot(self, slot: datetime) -> None:
        """The server comes to a slot: at its time, or as soon as it is back."""
        if slot in self.truth:
            return  # Passed over: the server drops it, and the keeper has said what it is.
        late = self.now > slot
        if self._paused:
            self.truth[slot] = {"paused"}
        elif self.now - slot > self.window:
            self.too_old += 1
            self.truth[slot] = {"outside_window", *self._besides(slot)}
        elif self._servers or self._began_batch == self.now:
            self.truth[slot] = {"overlap", *self._besides(slot)}
            if late:
                self.truth[slot].add("server_down")
        else:
            self._began_batch = self.now
            self._present(slot)

    def _besides(self, slot: datetime) -> set[str]:
        """What would have stopped it as well."""
        open_then = (
            each.at <= slot and (each.ended is None or each.ended > slot)
            for each in self.fired.values()
        )
        told = {"frozen"} if self._was_frozen(slot) else set[str]()
        return told | ({"overlap"} if any(open_then) else set())

    def _was_frozen(self, slot: datetime) -> bool:
        return any(begin <= slot < end for begin, end in map(self._frozen, self.freezes))

    def _present(self, slot: datetime) -> None:
        """The run that the server started asks its keeper, which goes by its own rules."""
        late = self.now - slot
        passed = [slot + n * EVERY for n in range(1, self.slots) if slot + n * EVERY <= self.now]
        passed = passed if late >= 2 * SECOND else []
        frozen = self.state.freeze is not None
        left = [each for each in passed if not frozen and not self._was_frozen(each)]
        for each in passed:
            if each not in left:
                self.truth[each] = {"frozen"}
        busy = any(
            other < slot and (end is None or end >= slot) for other, (_, end) in self._works.items()
        )
        go = False
        if frozen or (late > LATE and self._was_frozen(slot)):
            self.truth[slot] = {"frozen"}
        elif self.catchup == "skip" and late > LATE and not busy:
            self.truth[slot] = {"skipped"}
        elif self.catchup == "latest" and left and not busy:
            for each in (slot, *left[:-1]):
                self.truth[each] = {"coalesced"}
        else:
            go = True
        run = scheduled_run_id("report", slot)
        self.fired[slot] = Fired(run=run, at=self.now, ended=None if go else self.now)
        if go:
            self._servers.add(slot)
        self._admit(slot, passed, works=go)
        if self.truth.get(slot) == {"coalesced"}:
            self._admit(left[-1], [], works=True)

    def _admit(self, slot: datetime, passed: Sequence[datetime], *, works: bool) -> None:
        run = RunRef(id=scheduled_run_id("report", slot), key=f"key-{slot.isoformat()}")
        request = AdmissionRequest(
            run=run, trigger=Trigger.SCHEDULE, slot=slot, passed_slots=tuple(passed)
        )
        self.state, answer = keeper.admit(self.state, request, self.now)
        if works:
            self.truth[slot] = {"running"}
            self._works[slot] = (self.now, None)
        if answer.decision is Decision.GO:
            self._begin(slot)

    def _begin(self, slot: datetime) -> None:
        took = self.slow.get((slot - T0) // EVERY, 20)
        self._push(self.now + took * SECOND, 0, "end", slot)

    def _end(self, slot: datetime) -> None:
        failed = (slot - T0) // EVERY in self.failing
        status = RunStatus.FAILED if failed else RunStatus.SUCCEEDED
        run = RunRef(id=scheduled_run_id("report", slot), key=f"key-{slot.isoformat()}")
        self.state = settling.settle(self.state, Settlement(run=run, status=status), self.now)[0]
        self.truth[slot] = {status.value}
        self._works[slot] = (self._works[slot][0], self.now)
        self._servers.discard(slot)
        if slot in self.fired:
            self.fired[slot] = self.fired[slot].model_copy(update={"ended": self.now})
        self._grant()

    def _grant(self) -> None:
        while True:
            self.state, granted = keeper.grant_next(self.state, self.now)
            if granted is None:
                return
            assert granted.slot is not None
            self._begin(granted.slot)

    def _frozen(self, span: Span) -> tuple[datetime, datetime]:
        """From when to when a freeze held: its begin and its thaw wait for the server, too."""
        begin, end = (
            next((down.until for down in self.outages if down.holds(at)), at)
            for at in (span.since, span.until)
        )
        return begin, end
