"""What sending to any channel needs: secrets, the fleet's connections, HTTP."""

import asyncio
import re
from dataclasses import dataclass, field
from datetime import timedelta

from activities.providers.json_calls import Call, JsonCalls, Peer, required
from activities.providers.keys import read_key
from activities.secrets import Secrets
from rota.connections import Connections
from rota.failures import FailureCategory, StepError
from rota.notices.facts import Channel
from rota.notices.spec import HOOK_URL
from rota.runtime_specs.base import is_reference

TIMEOUT = timedelta(seconds=15)
"""For one answer of a receiver, which has but to take the message."""
MOST_ANSWER = 100_000
"""Bytes of it; nobody reads them."""


@dataclass(frozen=True)
class Means:
    """What one worker sends with."""

    connections: Connections
    secrets: Secrets = field(default_factory=Secrets)
    calls: JsonCalls = field(default_factory=JsonCalls)


async def post(means: Means, channel: Channel, call: Call) -> None:
    """Send one request, which any status of success ends.

    Raises:
        StepError: it was not taken. Its words hold nothing of the URL but the host.
    """
    # The whole path may be a secret, and so may each signed message's key: all were given out.
    peer = Peer(
        channel.label,
        {FailureCategory.INVALID_REQUEST: "check the address, and the secret that holds it"},
        tuple({call.url, call.url.partition("://")[2]}),
    )
    required(await means.calls.send(call, peer), peer)


def url_of(means: Means, channel: Channel) -> str:
    """Return where the channel's messages go.

    Raises:
        StepError: a secret is not there, or holds no URL.
    """
    if not is_reference(channel.target):
        return channel.target
    url = read_key(means.secrets, channel.target, channel.label)
    if not re.fullmatch(HOOK_URL, url):
        raise StepError(
            FailureCategory.AUTH, f"{channel.label}: {channel.target} holds no http(s) URL"
        )
    return url


async def reach(url: str) -> None:
    """Connect to the host of a URL, with TLS if it asks for that, and leave: nothing is sent.

    Raises:
        StepError: it cannot be connected to.
    """
    found = re.fullmatch(r"(https?)://(\[[^\]]+\]|[^/?:]+)(?::(\d+))?(?:[/?].*)?", url)
    if found is None:
        raise StepError(FailureCategory.INVALID_REQUEST, "no address that can be connected to")
    scheme, host, port = found.groups()
    secure = scheme == "https"
    number = int(port or (443 if secure else 80))
    try:
        async with asyncio.timeout(TIMEOUT.total_seconds()):
            _, writer = await asyncio.open_connection(host.strip("[]"), number, ssl=secure or None)
    except (OSError, ValueError) as error:
        raise StepError(
            FailureCategory.TRANSIENT,
            f"{host}:{number} cannot be connected to: {type(error).__name__} {error}".strip(),
        ) from None
    writer.close()
