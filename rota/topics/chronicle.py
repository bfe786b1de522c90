"""What a topic remembers of events: recent ones, their ids, what became of them.

Pure and bounded, however many events a topic sees. It changes in place, see
`rota.topics.rules`.
"""

from collections import deque

from rota.topics.topic import (
    DEAD_LETTERS,
    RECENT_BYTES,
    RECENT_EVENTS,
    REMEMBERED_IDS,
    DeadLetter,
    Event,
    TalliedEvent,
    Tally,
    TopicState,
)

PAGE_BYTES = 512 * 1024
"""Bytes of payload from which no further event joins one answer: below what gRPC carries."""


class Chronicle:
    """Recent events, known ids, tallies and dead letters."""

    def __init__(self, state: TopicState) -> None:
        """Go on where `state` was, which stays as it is."""
        self.events = deque(state.recent)
        self.ids = dict(state.ids)
        self.tallies = dict(state.tallies)
        self.dead = deque(state.dead, maxlen=DEAD_LETTERS)
        self.buried = state.buried
        self._bytes = sum(event.size for event in state.recent)

    def add(self, event: Event) -> None:
        """Remember a new event; the oldest make room."""
        self.ids[event.id] = event.sequence
        if len(self.ids) > REMEMBERED_IDS:
            del self.ids[next(iter(self.ids))]
        self.events.append(event)
        self.tallies[event.sequence] = Tally()
        self._bytes += event.size
        while len(self.events) > RECENT_EVENTS or self._bytes > RECENT_BYTES:
            oldest = self.events.popleft()
            self._bytes -= oldest.size
            del self.tallies[oldest.sequence]

    def bury(self, letter: DeadLetter) -> None:
        """Keep a dead letter; beyond the limit the oldest goes."""
        self.buried += 1
        self.dead.append(letter)

    def count(self, sequence: int, more: Tally) -> None:
        """Add to an event's tally, if the event is still remembered."""
        tally = self.tallies.get(sequence)
        if tally is not None:
            self.tallies[sequence] = tally.plus(more)

    def last(self, number: int) -> list[Event]:
        """Return the newest events, at most `number`, oldest first."""
        return list(self.events)[-number:]

    def after(self, sequence: int) -> tuple[TalliedEvent, ...]:
        """Return the events behind `sequence`, oldest first: one page of them."""
        page: list[TalliedEvent] = []
        size = 0
        for event in self.events:
            if event.sequence > sequence:
                page.append(TalliedEvent(event=event, tally=self.tallies[event.sequence]))
                size += event.size
                if size >= PAGE_BYTES:
                    break
        return tuple(page)
