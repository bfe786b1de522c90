"""What a topic decides: which events it takes, who gets them, in which order.

Pure, but unlike the keeper's rules with a book that changes in place: a topic must keep up
with bursts of a thousand events, and a copy of all it holds for each of them would not.
"""

import re
from collections import deque
from datetime import datetime

from rota.coordination.spec import EVENT_PATTERN
from rota.ids import TOPIC_PREFIX
from rota.model import canonical_json
from rota.steps import Delivered
from rota.topics import subscriptions
from rota.topics.chronicle import Chronicle
from rota.topics.topic import (
    BACKLOG_BYTES,
    PAYLOAD_LIMIT,
    DeadLetter,
    Delivery,
    Event,
    Published,
    PublishRequest,
    ReplayRequest,
    Subscriber,
    TalliedEvent,
    Tally,
    TopicState,
    TopicSummary,
    Unsubscription,
)

BATCH_DELIVERIES = 100
"""Deliveries from which no further event joins a batch: a few seconds' work for a small
server, and all that a removed subscriber can still get."""
BATCH_BYTES = 1024 * 1024
"""Bytes of payload from which no further event joins a batch."""
ENTRY_BYTES = 500
"""What a delivery weighs besides its payload, roughly."""
LONGEST_EVENT = 100
REASON_LIMIT = 500


def unique_id(id: str, topic: str) -> str:
    """Return `id` as it is unique across topics: `2026-11-22/reconciliation.completed`.

    A subscriber's runs are called after the event alone, so no two topics may share an id.
    Those of a run's own events end with the topic already.
    """
    return id if id.endswith(f"/{topic}") else f"{id}/{topic}"


def event_of(topic_id: str) -> str:
    """Return the event whose topic has the workflow id `topic_id`.

    Raises:
        ValueError: it is not the id of a topic.
    """
    event = topic_id.removeprefix(TOPIC_PREFIX)
    if event == topic_id or not re.fullmatch(EVENT_PATTERN, event) or len(event) > LONGEST_EVENT:
        raise ValueError(
            f"write {TOPIC_PREFIX}<event>, for example {TOPIC_PREFIX}reconciliation.completed"
        )
    return event


class TopicBook:
    """A topic's book: subscribers, deliveries, and the chronicle of its events."""

    def __init__(self, state: TopicState) -> None:
        """Open the book at `state`, which stays as it is."""
        self.name = state.name
        self.published = state.published
        self.subscribers = dict(state.subscribers)
        self._chronicle = Chronicle(state)
        self._pending = deque(state.pending)
        self._under_way: tuple[Delivery, ...] = ()
        self._backlog = sum(map(_weight, state.pending))
        """Bytes of what is pending or under way."""
        self._delivered, self._filtered = state.delivered, state.filtered

    @property
    def has_pending(self) -> bool:
        """True if there is something to deliver that no batch holds."""
        return bool(self._pending)

    @property
    def dead(self) -> tuple[DeadLetter, ...]:
        """The newest dead letters, oldest first."""
        return tuple(self._chronicle.dead)

    def publish(self, request: PublishRequest, fresh_id: str, now: datetime) -> Published:
        """Take an event and fix who gets it. Idempotent by its id.

        Args:
            request: The event.
            fresh_id: Its id if it brings none.
            now: Its time if it brings none.
        """
        id = unique_id(request.id or fresh_id, self.name)
        known = self._chronicle.ids.get(id)
        if known is not None:
            return Published(sequence=known, id=id, duplicate=True)
        size, problem = _measured(request)
        if not problem and self._backlog + size > BACKLOG_BYTES:
            problem = (
                f"{self._waiting()} deliveries wait already: mend what holds them up (the "
                f"topic's workflow says it, or 'rota events list {self.name}'), then publish again"
            )
        if problem:
            return self.refuse(problem, now, id)
        self.published += 1
        event = Event(
            sequence=self.published,
            id=id,
            at=request.at or now,
            payload=request.payload,
            payload_digest=request.payload_digest,
            source=request.source,
            root=request.root,
            tainted=request.is_marked,
            traceparent=request.traceparent,
            depth=request.depth,
            size=size,
        )
        self._chronicle.add(event)
        if self.subscribers:
            self._post(Delivery(event=event, subscribers=tuple(sorted(self.subscribers))))
        return Published(sequence=event.sequence, id=id)

    def refuse(self, reason: str, now: datetime, id: str = "") -> Published:
        """Turn away what is no event; it becomes a dead letter."""
        reason = reason[:REASON_LIMIT]
        self._chronicle.bury(DeadLetter(at=now, event_id=id, reason=reason))
        return Published(id=id, refused=reason)

    def subscribe(self, wanted: Subscriber) -> bool:
        """Put a subscription in force for events to come; False if it already is.

        Raises:
            SubscriptionError: it cannot be.
        """
        wanted = wanted.model_copy(update={"since": self.published})
        return subscriptions.subscribe(self.subscribers, self.name, wanted)

    def unsubscribe(self, request: Unsubscription) -> bool:
        """Take a subscription back; False if there is none.

        Raises:
            SubscriptionError: it is another fleet's.
        """
        return subscriptions.unsubscribe(self.subscribers, request)

    def replay(self, request: ReplayRequest) -> int:
        """Deliver recent events to one subscriber, again or for the first time.

        Returns:
            How many there are.

        Raises:
            SubscriptionError: there is no such subscriber.
        """
        subscriptions.require_subscriber(self.subscribers, self.name, request.subscriber)
        events = self._chronicle.last(request.last)
        for event in events:
            self._post(Delivery(event=event, subscribers=(request.subscriber,)))
        return len(events)

    def next_batch(self, now: datetime) -> tuple[Delivery, ...]:
        """Take what is to be delivered next; `settle` or `put_back` must follow.

        Who has left meanwhile gets nothing: that delivery becomes a dead letter.
        """
        taken: list[Delivery] = []
        count = size = 0
        while self._pending and count < BATCH_DELIVERIES and size < BATCH_BYTES:
            delivery = self._without_the_gone(self._pending.popleft(), now)
            if delivery.subscribers:
                taken.append(delivery)
                count, size = count + len(delivery.subscribers), size + delivery.event.size
        self._under_way = tuple(taken)
        return self._under_way

    def settle(self, delivered: Delivered) -> None:
        """Record what became of the batch under way."""
        self._backlog -= sum(map(_weight, self._under_way))
        self._under_way = ()
        for sequence, tally in delivered.tallies.items():
            self._delivered += tally.started
            self._filtered += tally.filtered
            self._chronicle.count(sequence, tally)
        for letter in delivered.dead:
            self._chronicle.bury(letter)

    def put_back(self) -> None:
        """Deliver the batch under way later: it failed as a whole."""
        self._pending.extendleft(reversed(self._under_way))
        self._under_way = ()

    def events_after(self, sequence: int) -> tuple[TalliedEvent, ...]:
        """Return recent events behind `sequence`, oldest first: one page of them."""
        return self._chronicle.after(sequence)

    def summary(self, trouble: str = "") -> TopicSummary:
        """Return the topic at a glance; `trouble` is why deliveries fail now."""
        return TopicSummary(
            name=self.name,
            subscribers=self.subscribers,
            published=self.published,
            waiting=self._waiting(),
            delivered=self._delivered,
            filtered=self._filtered,
            dead=self._chronicle.buried,
            trouble=trouble,
        )

    def state(self) -> TopicState:
        """Return all of it; a batch under way counts as pending."""
        return TopicState(
            name=self.name,
            published=self.published,
            subscribers=dict(self.subscribers),
            recent=tuple(self._chronicle.events),
            tallies=dict(self._chronicle.tallies),
            ids=dict(self._chronicle.ids),
            pending=(*self._under_way, *self._pending),
            dead=self.dead,
            delivered=self._delivered,
            filtered=self._filtered,
            buried=self._chronicle.buried,
        )

    def _post(self, delivery: Delivery) -> None:
        self._pending.append(delivery)
        self._backlog += _weight(delivery)
        self._chronicle.count(delivery.event.sequence, Tally(deliveries=len(delivery.subscribers)))

    def _without_the_gone(self, delivery: Delivery, now: datetime) -> Delivery:
        gone = [name for name in delivery.subscribers if name not in self.subscribers]
        if not gone:
            return delivery
        event = delivery.event
        for name in gone:
            letter = DeadLetter(
                at=now,
                event_id=event.id,
                sequence=event.sequence,
                subscriber=name,
                reason="no longer subscribed",
            )
            self._chronicle.bury(letter)
        self._chronicle.count(event.sequence, Tally(dead=len(gone)))
        kept = tuple(name for name in delivery.subscribers if name in self.subscribers)
        left = delivery.model_copy(update={"subscribers": kept})
        self._backlog -= _weight(delivery) - (_weight(left) if kept else 0)
        return left

    def _waiting(self) -> int:
        return sum(len(delivery.subscribers) for delivery in (*self._under_way, *self._pending))


def _weight(delivery: Delivery) -> int:
    return delivery.event.size + ENTRY_BYTES


def _measured(request: PublishRequest) -> tuple[int, str]:
    """Return the payload's size, and why it cannot be taken."""
    if request.payload is None:
        return 0, ""
    if request.payload_digest is not None:
        return 0, "give either a payload or its digest, not both"
    try:
        size = len(canonical_json(request.payload))
    except (ValueError, TypeError, RecursionError) as error:
        return 0, f"the payload is not JSON that can be stored: {error}"
    if size > PAYLOAD_LIMIT:
        return size, (
            f"the payload has {size} bytes of JSON, the most is {PAYLOAD_LIMIT}: store it "
            "elsewhere and publish where it is"
        )
    return size, ""
