"""Which module sends to which kind of channel."""

from collections.abc import Awaitable, Callable, Mapping

from activities.notify import email, slack, webhook
from activities.notify.means import Means
from rota.notices.facts import Channel, ChannelKind, Message

Send = Callable[[Means, Channel, Message], Awaitable[str]]
"""Sends a message; returns what went wrong beside. Raises StepError if it was not taken."""
Probe = Callable[[Means, Channel], Awaitable[str]]
"""Looks at a channel without a message; returns what it found. Raises StepError."""

SENDERS: Mapping[ChannelKind, Send] = {
    ChannelKind.SLACK: slack.send,
    ChannelKind.WEBHOOK: webhook.send,
    ChannelKind.EMAIL: email.send,
}
PROBES: Mapping[ChannelKind, Probe] = {
    ChannelKind.SLACK: slack.probe,
    ChannelKind.WEBHOOK: webhook.probe,
    ChannelKind.EMAIL: email.probe,
}
