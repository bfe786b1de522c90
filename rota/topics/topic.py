"""A topic's records: events that were published, who subscribes, what is still to deliver."""

from datetime import datetime
from typing import Any

from pydantic import Field

from rota.coordination.spec import SubscriptionSpec
from rota.kinds import Kind
from rota.language.names import AgentName
from rota.model import Declared, Record, StepResult, is_empty, is_false
from rota.runs import Instant

PAYLOAD_LIMIT = 256 * 1024
"""Bytes of JSON an event may carry from outside; a run's result is named by digest."""
RECENT_EVENTS = 200
"""Events kept whole, for `list`, `tail` and replay."""
RECENT_BYTES = 4 * 1024 * 1024
"""Bytes of payload kept with them: with large payloads fewer events are kept."""
REMEMBERED_IDS = 5000
"""Ids kept to recognise an event that is published again."""
DEAD_LETTERS = 200
TRACEPARENT = r"^$|^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$"
MOST_SUBSCRIBERS = 200
BACKLOG_BYTES = 32 * 1024 * 1024
"""Most that may wait for delivery; beyond it, events are refused instead of the topic
growing until no worker can load it."""


class PublishRequest(Declared):
    """An event from anywhere: a run, the command line, a signal. Idempotent by `id`."""

    id: str = Field(default="", max_length=500)
    """Empty: each publication is an event of its own."""
    payload: Any = None
    """JSON, from outside."""
    payload_digest: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    """Digest of the payload in the object store, from a run."""
    source: str = Field(default="", max_length=1000)
    """Workflow id of the run that published it; empty from outside."""
    root: str = Field(default="", max_length=1000)
    """Workflow id of the run that the source's own chain began with; empty: the source."""
    depth: int = Field(default=0, ge=0)
    """How many runs below that root the source is."""
    at: Instant | None = None
    tainted: bool = Field(default=False, exclude_if=is_false)
    """Its payload may hold the words of people outside the team."""
    traceparent: str = Field(default="", pattern=TRACEPARENT, exclude_if=is_empty)
    """Where in which trace it was published, in W3C's form; empty if no trace is recorded."""
    trusted: bool = Field(default=False, exclude_if=is_false)
    """From outside: whoever publishes it says that it does not; else it may, for all one knows."""

    @property
    def is_marked(self) -> bool:
        """Whether what it starts is to know that others may have written its payload."""
        stranger = not self.source and not self.trusted and self.payload is not None
        return self.tainted or stranger


class Event(Record):
    """A published event."""

    sequence: int
    """Counts from 1 within its topic, without gaps."""
    id: str
    """As published, and `/<topic>` behind it: unique across topics, as a run's events are."""
    at: datetime
    payload: Any = None
    payload_digest: str | None = None
    source: str = ""
    root: str = ""
    depth: int = 0
    size: int = 0
    """Bytes of the payload's JSON; 0 without one, or if it is in the object store."""
    tainted: bool = Field(default=False, exclude_if=is_false)
    """Its payload may hold the words of people outside the team."""
    traceparent: str = Field(default="", exclude_if=is_empty)
    """As published: what it starts goes on in that trace."""


class Subscriber(Record):
    """An agent or pipeline that an event starts."""

    name: AgentName
    kind: Kind = "Agent"
    fleet: str = Field(min_length=1)
    task_queue: str = Field(min_length=1)
    """Of its runs."""
    subscription: SubscriptionSpec
    since: int = 0
    """Sequence of the newest event when it subscribed: later ones are delivered."""


class Unsubscription(Declared):
    """Take a subscription back."""

    name: str
    fleet: str = ""
    """If given, only that fleet's own subscription is taken back."""


class ReplayRequest(Declared):
    """Deliver recent events to one subscriber; those it has had change nothing."""

    subscriber: str
    last: int = Field(ge=1, le=RECENT_EVENTS)
    """How many, counted back from the newest."""


class Delivery(Record):
    """One event on its way."""

    event: Event
    subscribers: tuple[str, ...]
    """Fixed when the event was published, in alphabetical order."""


class DeadLetter(Record):
    """What could not be delivered, or not be accepted, and why."""

    at: datetime
    event_id: str
    sequence: int = 0
    """0: the event itself was refused."""
    subscriber: str = ""
    """Empty: the event itself was refused."""
    reason: str


class Tally(Record):
    """What has become of one event's deliveries."""

    deliveries: int = 0
    """All of them, replays included."""
    started: int = 0
    """Runs that exist, those included that an earlier attempt had started."""
    filtered: int = 0
    dead: int = 0

    @property
    def waiting(self) -> int:
        """Deliveries still to come."""
        return self.deliveries - self.started - self.filtered - self.dead

    def plus(self, other: "Tally") -> "Tally":
        """Return the sum."""
        return Tally(
            deliveries=self.deliveries + other.deliveries,
            started=self.started + other.started,
            filtered=self.filtered + other.filtered,
            dead=self.dead + other.dead,
        )


class Published(StepResult):
    """The topic's receipt."""

    sequence: int = 0
    """0 if the event was refused."""
    id: str = ""
    duplicate: bool = False
    refused: str = ""


class TalliedEvent(StepResult):
    """A recent event and what became of it."""

    event: Event
    tally: Tally


class TopicSummary(StepResult):
    """A topic at a glance."""

    name: str
    subscribers: dict[str, Subscriber]
    published: int
    waiting: int
    """Deliveries still to come."""
    delivered: int
    filtered: int
    dead: int
    trouble: str = ""
    """Why deliveries fail at the moment; empty if they do not."""


class TopicState(Record):
    """A topic, as carried across continue-as-new."""

    name: str
    published: int = 0
    """Events accepted: the newest sequence."""
    subscribers: dict[str, Subscriber] = Field(default_factory=dict[str, Subscriber])
    recent: tuple[Event, ...] = ()
    """Oldest first."""
    tallies: dict[int, Tally] = Field(default_factory=dict[int, Tally])
    """Of the recent events, by sequence."""
    ids: dict[str, int] = Field(default_factory=dict[str, int])
    """Event id to sequence, oldest first."""
    pending: tuple[Delivery, ...] = ()
    """In the order in which they are delivered."""
    dead: tuple[DeadLetter, ...] = ()
    """The newest of them, oldest first."""
    delivered: int = 0
    filtered: int = 0
    buried: int = 0
    """Dead letters ever."""
