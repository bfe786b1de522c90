"""A topic's records: events that were published, who subscribes, what is still to deliver."""

from datetime import datetime
from typing import Any

from pydantic import Field

from rota.coordination_spec import SubscriptionSpec
from rota.model import Record, StepResult
from rota.runs import Instant

PAYLOAD_LIMIT = 256 * 1024
"""Bytes of JSON an event may carry from outside; a run's result is named by digest."""
RECENT_EVENTS = 200
"""Events kept whole, for `list`, `tail` and replay."""
REMEMBERED_IDS = 5000
"""Ids kept to recognise an event that is published again."""
DEAD_LETTERS = 200
MOST_SUBSCRIBERS = 200


class PublishRequest(Record):
    """An event from anywhere: a run, the command line, a signal. Idempotent by `id`."""

    id: str = Field(default="", max_length=500)
    """Empty: each publication is an event of its own."""
    payload: Any = None
    """JSON, from outside."""
    payload_digest: str | None = None
    """Digest of the payload in the object store, from a run."""
    source: str = ""
    """Workflow id of the run that published it; empty from outside."""
    at: Instant | None = None


class Event(Record):
    """A published event."""

    sequence: int
    """Counts from 1 within its topic, without gaps."""
    id: str
    at: datetime
    payload: Any = None
    payload_digest: str | None = None
    source: str = ""


class Subscriber(Record):
    """An agent or pipeline that an event starts."""

    name: str
    kind: str = "Agent"
    fleet: str
    task_queue: str
    subscription: SubscriptionSpec
    since: int = 0
    """Sequence of the newest event when it subscribed: later ones are delivered."""


class Delivery(Record):
    """One event on its way to one subscriber."""

    event: Event
    subscriber: str


class DeadLetter(Record):
    """What could not be delivered, or not be accepted, and why."""

    at: datetime
    event_id: str
    subscriber: str = ""
    """Empty: the event itself was refused."""
    reason: str


class Published(StepResult):
    """The topic's receipt."""

    sequence: int = 0
    """0 if the event was refused."""
    id: str = ""
    duplicate: bool = False
    refused: str = ""


class TopicState(Record):
    """A topic, as carried across continue-as-new."""

    name: str
    published: int = 0
    """Events accepted: the newest sequence."""
    subscribers: dict[str, Subscriber] = Field(default_factory=dict[str, Subscriber])
    recent: tuple[Event, ...] = ()
    """Oldest first."""
    ids: dict[str, int] = Field(default_factory=dict[str, int])
    """Event id to sequence, oldest first."""
    pending: tuple[Delivery, ...] = ()
    """In the order in which they are delivered."""
    dead: tuple[DeadLetter, ...] = ()
    delivered: int = 0
    filtered: int = 0
