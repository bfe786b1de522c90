"""Messages for an incoming webhook of Slack, or of what understands its messages.

Such a webhook takes no key: a message whose answer was lost may appear twice.
"""

import re

from activities.notify.means import MOST_ANSWER, TIMEOUT, Means, post, reach, url_of
from activities.providers.json_calls import Call
from rota.notification_text import Line, headline, lines, rest
from rota.notifications import Channel, Message

_SIGNS = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_EVERYBODY = re.compile(r"@(?=(channel|here|all|everyone)\b)", re.IGNORECASE)
"""Slack itself calls everybody by `<!channel>` alone; others that take its messages, so."""


async def send(means: Means, channel: Channel, message: Message) -> str:
    """Post the message.

    Raises:
        StepError: it was not taken.
    """
    call = Call(
        "POST",
        url_of(means, channel),
        headers={"Accept": "*/*", "User-Agent": "rota"},
        timeout=TIMEOUT.total_seconds(),
        max_bytes=MOST_ANSWER,
        body={"text": text_of(message)},
    )
    await post(means, channel, call)
    return ""


async def probe(means: Means, channel: Channel) -> str:
    """Look whether the address is there and can be connected to, without a message."""
    await reach(url_of(means, channel))
    return f"{channel.target} is set, its host answers; only a message would tell more"


def text_of(message: Message) -> str:
    """Return the message in Slack's mrkdwn. Nothing in it calls anybody or hides a link."""
    told = [_shown(line) for line in lines(message)]
    if len(told) > 1 or not told:
        told = [f"*{escaped(headline(message))}*", *(f"• {line}" for line in told)]
    return "\n".join([*told, *filter(None, [escaped(rest(message))])])


def escaped(text: str) -> str:
    """Return a text of any origin with Slack's three signs escaped, and nobody called."""
    plain = "".join(_SIGNS.get(sign, sign) for sign in text)
    return _EVERYBODY.sub("@\u200b", plain)


def _shown(line: Line) -> str:
    parts = [escaped(line.text)]
    if line.todo:
        parts.append(f"→ `{escaped(line.todo).replace('`', chr(39))}`")
    parts += [f"{escaped(name)}: {escaped(url)}" for name, url in line.links.items()]
    return "\n    ".join(parts)
