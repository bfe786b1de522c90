"""Messages for an address of one's own: JSON, signed by Standard Webhooks.

The id is the message's: every attempt has the same one, so a receiver that remembers ids for
some days takes each message once. The timestamp is the attempt's, for receivers that refuse
old ones.
"""

import time
from dataclasses import replace

from activities.notify.means import MOST_ANSWER, TIMEOUT, Means, post, reach, url_of
from activities.notify.signatures import key_of, signed_headers
from activities.providers.json_calls import Call
from activities.providers.keys import read_key
from rota.notices.facts import Channel, Message
from rota.notices.text import headline

TYPE = "rota.notification"


async def send(means: Means, channel: Channel, message: Message) -> str:
    """Post the message.

    Raises:
        StepError: it was not taken, or cannot be signed.
    """
    keys = _keys(means, channel)
    content = message.model_dump(mode="json")
    call = Call(
        "POST",
        url_of(means, channel),
        headers={},
        timeout=TIMEOUT.total_seconds(),
        max_bytes=MOST_ANSWER,
        body={
            "type": TYPE,
            "timestamp": content["at"],
            "data": {
                "text": headline(message),
                "facts": content["facts"],
                "omitted": content["omitted"],
            },
        },
    )
    # The very bytes that travel are signed.
    signature = signed_headers(keys, message.id, int(time.time()), call.content)
    headers = {"Accept": "*/*", "User-Agent": "rota", **signature}
    await post(means, channel, replace(call, headers=headers))
    return ""


async def probe(means: Means, channel: Channel) -> str:
    """Look whether it can be signed for and connected to, without a message."""
    keys = _keys(means, channel)
    await reach(url_of(means, channel))
    count = "1 secret" if len(keys) == 1 else f"{len(keys)} secrets"
    return f"{count} to sign with, its host answers; only a message would tell more"


def _keys(means: Means, channel: Channel) -> list[bytes]:
    return [
        key_of(read_key(means.secrets, reference, channel.label), reference)
        for reference in channel.secrets
    ]
