"""Messages for an incoming webhook of Slack, or of what understands its messages.

Such a webhook takes no key: a message whose answer was lost may appear twice.
"""

import re

from activities.notify.means import MOST_ANSWER, TIMEOUT, Means, post, reach, url_of
from activities.providers.json_calls import Call
from rota.notices.facts import Channel, Message
from rota.notices.text import Line, headline, lines, rest

MOST_TEXT = 2000
"""Characters that the strictest of them takes (Discord); a longer one is refused, not cut."""
MOST_FACT = 1500
"""Of these, for one fact: the headline and the count of the rest have room beside it."""
MOST_WORDS = 800
"""Of these, for what it says: links have room beside it."""

_SIGNS = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_LONGEST_SIGN = 5
_CALLS = re.compile(r"@(?=(channel|here|all|everyone)\b)|(?<![^\W_])@(?=\w)", re.IGNORECASE)
"""Slack itself calls people by `<!channel>` and `<@U…>` alone; others that take its messages,
so, and read `_` as a sign of italics. The `@` of a mail address calls nobody."""
_LINK = re.compile(r"\](?=\()")
"""Others read `[words](address)` as a link with other words."""
_NOTHING = "\u200b"
"""Keeps two signs apart, and is not seen."""


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
        body={"text": text_of(message), **_unread(message)},
    )
    await post(means, channel, call)
    return ""


async def probe(means: Means, channel: Channel) -> str:
    """Look whether the address is there and can be connected to, without a message."""
    await reach(url_of(means, channel))
    return f"{channel.target} is set, its host answers; only a message would tell more"


def text_of(message: Message) -> str:
    """Return the message in Slack's mrkdwn, the facts that there is room for and a count.

    Nothing in it calls anybody or hides a link.
    """
    facts = [_shown(line) for line in lines(message)]
    told = len(facts)
    while len(text := _joined(message, facts[:told])) > MOST_TEXT:
        told -= 1
    return text


def escaped(text: str) -> str:
    """Return a text of any origin without markup that does anything, and nobody called."""
    return _LINK.sub(f"]{_NOTHING}", _CALLS.sub(f"@{_NOTHING}", _plain(text)))


def _unread(message: Message) -> dict[str, bool]:
    """Have nobody but people open links that show a request."""
    return {"unfurl_links": False} if any(fact.approval for fact in message.facts) else {}


def _joined(message: Message, facts: list[str]) -> str:
    left = rest(message, told=len(facts))
    if len(facts) == 1 and not left:
        return facts[0]
    told = [f"*{escaped(headline(message))}*", *(f"• {fact}" for fact in facts)]
    return "\n".join([*told, *filter(None, [left])])


def _shown(line: Line) -> str:
    """One fact: what it says, and of the rest what fits."""
    shown = escaped(line.text)
    if len(shown) > MOST_WORDS:
        shown = escaped(line.text[: MOST_WORDS // _LONGEST_SIGN - 1]) + "…"
    # In a span of code nothing calls anybody, and what is copied has to work.
    todo = _plain(line.todo).replace("`", "'")
    more = [f"→ `{todo}`"] if todo else []
    more += [f"{escaped(name)}: {escaped(url)}" for name, url in line.links.items()]
    for each in more:
        longer = f"{shown}\n    {each}"
        if len(longer) <= MOST_FACT:
            shown = longer
    return shown


def _plain(text: str) -> str:
    return "".join(_SIGNS.get(sign, sign) for sign in text)
