"""A channel's notifier: what it has to tell, has told, and what keeps it from telling."""

from datetime import datetime

from pydantic import Field

from rota.model import Record
from rota.notices.facts import Channel, Fact, Message
from rota.notices.spec import Occasion

RECEIPTS = 500
"""Facts of which a notifier remembers when they were told: it carries them for ever."""


class NotifierPolicy(Record):
    """How much a channel is told at once, and for how long it is tried."""

    group_seconds: float = 5.0
    """How long a fact waits for others, to be told with them."""
    per_minute: int = 6
    """Messages within any 60 seconds: no one can read more, and chats allow about one a
    second for all who post to them."""
    facts_per_message: int = 100
    most_pending: int = 200
    """Facts that wait whole; those beyond are counted."""
    remembered: int = 2000
    """Facts that are known when they come again: what posts them does so within a minute."""
    pause_seconds: float = 300.0
    """Before a message that could not be sent is tried anew; doubles each time."""
    longest_pause_seconds: float = 3600.0
    patience_seconds: float = 3 * 86_400.0
    """After this nothing is tried until there is something new to tell; what waited is counted."""
    idle_seconds: float = 86_400.0
    """A notifier that has nothing to tell for so long ends; the next fact starts another."""


class Trouble(Record):
    """Why a channel takes nothing."""

    since: datetime
    reason: str
    failures: int = 1
    """Times in a row that a message was given up; each is several attempts."""
    retry_at: datetime


class NotifierState(Record):
    """A notifier, as carried across continue-as-new."""

    channel: Channel
    policy: NotifierPolicy = NotifierPolicy()
    pending: tuple[Fact, ...] = ()
    """What waits to be told, oldest first."""
    omitted: dict[Occasion, int] = Field(default_factory=dict[Occasion, int])
    """What is only counted, and told with the next message."""
    waiting_since: datetime | None = None
    """When the oldest of `pending` came."""
    message: Message | None = None
    """The one that is being sent, until it is taken."""
    seen: tuple[str, ...] = ()
    """Digests of the newest facts' ids, oldest first."""
    told: dict[str, datetime] = Field(default_factory=dict[str, datetime])
    """By such a digest, when the message with that fact was taken; the newest `RECEIPTS`."""
    sent_at: tuple[datetime, ...] = ()
    """When messages were begun lately: as many as one minute allows."""
    number: int = 0
    """Messages made so far."""
    messages: int = 0
    """Messages that were taken."""
    facts: int = 0
    """Facts in them, those only counted included."""
    last_sent: datetime | None = None
    note: str = ""
    """What went wrong beside with the last message that was taken."""
    trouble: Trouble | None = None
    quiet_since: datetime | None = None
    """Since when there is nothing to tell; None while there is."""
