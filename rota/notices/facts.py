"""Notifications: what is told (facts), where (channels), and in which portions (messages).

Records alone, which travel through histories: they hold references, never secrets. How facts
become messages is decided in `rota.notices.rules`.
"""

import re
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from pydantic import Field

from rota.approvals.links import AskedApproval
from rota.model import Record, StepResult, content_digest, is_false, is_none
from rota.notices.spec import NotifySpec, Occasion
from rota.runtime_specs.base import is_reference

REASON_LIMIT = 500
"""Characters of a fact's reason: a line in a message, whose whole text is in the run."""
LINK_LIMIT = 500


class Fact(Record):
    """One thing to tell. Told once by each channel, whoever posts it how often."""

    id: str
    """Derived from what it is about: `<run key>/failed`, `<run key>/question/q1`."""
    occasion: Occasion
    agent: str
    """Or pipeline, or team."""
    team: str = ""
    run: str = ""
    """Workflow id; empty of what is about no run."""
    reason: str = ""
    """Why, in one line."""
    todo: str = ""
    """What a person can do: a command as it is typed."""
    links: dict[str, str] = Field(default_factory=dict[str, str])
    """Pages by what they are: `pull_request`, `branch`."""
    at: datetime
    resolved: bool = Field(default=False, exclude_if=is_false)
    """It is over: what was told before holds no more."""
    approval: AskedApproval | None = Field(default=None, exclude_if=is_none)
    """The request that waits for somebody's decision, if it is about one."""


class ChannelKind(StrEnum):
    """In which form a channel takes messages."""

    SLACK = "slack"
    WEBHOOK = "webhook"
    EMAIL = "email"


class Channel(Record):
    """Somewhere to tell facts."""

    kind: ChannelKind
    queue: str
    """Task queue of the runs: whose workers resolve its references."""
    target: str = ""
    """URL, or a reference to one; empty of mail."""
    secrets: tuple[str, ...] = ()
    """References to what messages are signed with."""
    to: tuple[str, ...] = ()
    """Addresses of mail."""

    @property
    def digest(self) -> str:
        """Tells the channel from all others; equal declarations make one channel."""
        return content_digest(self.model_dump(mode="json"))[:20]

    @property
    def label(self) -> str:
        """What people call it. Of a URL only the host: services put their keys into the path."""
        if self.kind is ChannelKind.EMAIL:
            more = f" and {len(self.to) - 2} more" if len(self.to) > 2 else ""
            return f"email {', '.join(self.to[:2])}{more}"
        if is_reference(self.target):
            return f"{self.kind.value} {self.target}"
        return f"{self.kind.value} {re.split('[/?]', self.target)[2]}"


class Message(Record):
    """What is sent in one go. Attempts to send it share its id."""

    id: str
    facts: tuple[Fact, ...] = ()
    """Oldest first."""
    omitted: dict[Occasion, int] = Field(default_factory=dict[Occasion, int])
    """Facts that there was no room for, or that could not be sent earlier; only counted."""
    at: datetime


class SendInput(Record):
    """Send a message to a channel."""

    channel: Channel
    message: Message


class Sent(StepResult):
    """It was taken."""

    note: str = ""
    """What went wrong beside: recipients that were refused."""


class PostInput(Record):
    """Hand facts to whom a declaration names."""

    facts: tuple[Fact, ...]
    notify: tuple[NotifySpec, ...]
    task_queue: str


def channels_for(
    notify: Iterable[NotifySpec], occasion: Occasion, queue: str
) -> tuple[Channel, ...]:
    """Return where to tell of `occasion`, each channel once, in the order of declaration."""
    found: dict[str, Channel] = {}
    for spec in notify:
        for channel in channels_of(spec, queue) if spec.wants(occasion) else ():
            found.setdefault(channel.digest, channel)
    return tuple(found.values())


def channels_of(spec: NotifySpec, queue: str) -> tuple[Channel, ...]:
    """Return the channels that one entry names."""
    found: list[Channel] = []
    if spec.slack is not None:
        found.append(Channel(kind=ChannelKind.SLACK, queue=queue, target=spec.slack))
    if spec.webhook is not None:
        hook = spec.webhook
        found.append(
            Channel(kind=ChannelKind.WEBHOOK, queue=queue, target=hook.url, secrets=hook.secret)
        )
    if spec.email:
        # In one order: who is named first makes no other channel.
        to = tuple(sorted(set(spec.email)))
        found.append(Channel(kind=ChannelKind.EMAIL, queue=queue, to=to))
    return tuple(found)


def wants(notify: Iterable[NotifySpec], occasion: Occasion) -> bool:
    """Return True if anybody is to be told of `occasion`."""
    return any(spec.wants(occasion) for spec in notify)
