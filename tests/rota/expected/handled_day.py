"""A day on which people pause and resume the schedule on the server, and the keeper is not told.

Somebody looks every minute, as long as the server is up, and tells the keeper what shows.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rota.expected import in_force
from rota.expected.by_hand import unheard_toggle
from rota.expected.evidence import Evidence
from tests.rota.expected.simulated_day import EVERY, SECOND, Day
from tests.rota.keepers.desks import T0

LOOK = timedelta(seconds=60)


@dataclass
class HandledDay(Day):
    """What happens; `live` lets it happen."""

    newer: bool = True
    """The server has the scheduler that counts a pause as a change, and tells when it was."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._changed: datetime | None = None
        self._looked = T0 - SECOND
        self._resumed: datetime | None = None
        """By hand, and nobody has seen it yet."""

    def live(self) -> "HandledDay":
        """Go through the day, with a look every minute."""
        looks = self.slots * EVERY // LOOK
        for number in range(looks):
            self._push(T0 + number * LOOK, 9, "look", T0)
        super().live()
        return self

    def evidence(self, *, remembered: bool, witnessed: bool) -> Evidence:
        """What is known now, with the schedule as the server shows it."""
        known = super().evidence(remembered=remembered, witnessed=witnessed)
        assert known.live is not None
        shown = {"paused": self._paused, "changed": self._changed, "note": "ann"}
        return replace(known, live=known.live.model_copy(update=shown))

    def _pause(self, _: datetime) -> None:
        self._paused = True
        self._changed = self.now if self.newer else None

    def _resume(self, _: datetime) -> None:
        self._paused = False
        self._changed = self.now if self.newer else None
        self._resumed = self.now

    def _slot(self, slot: datetime) -> None:
        super()._slot(slot)
        if self._resumed is not None and slot >= self._resumed:
            # Until somebody has looked, it may as well be paused still.
            self.truth[slot].add("paused")

    def _look(self, _: datetime) -> None:
        evidence = self.evidence(remembered=True, witnessed=False)
        toggle = unheard_toggle(evidence, self._looked, self.now)
        if toggle is not None:
            self._note(in_force.toggled(self.state.in_force, toggle))
            for slot in self.truth:
                if toggle.paused and toggle.at <= slot <= self.now:
                    # Which of them came before the pause nobody can tell.
                    self.truth[slot].add("paused")
        self._looked, self._resumed = self.now, None
