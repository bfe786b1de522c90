"""A model that does whatever any text asks of it: the worst that injected words can find.

Words ask in the form `CALL <tool> <arguments as JSON, base64>`, one of many forms that real ones
take; this one comes unharmed through quoting and JSON.
"""

import base64
import json
import re
from typing import Any

from tests.fakes.anthropic_answers import Answer, text
from tests.fakes.anthropic_server import AnthropicFake

_ASKED = re.compile(r"CALL ([A-Za-z0-9_.:/-]+) ([A-Za-z0-9+/=]+)")


def call(tool: str, **args: Any) -> str:
    """Words that ask for a call."""
    return f"CALL {tool} {base64.b64encode(json.dumps(args).encode()).decode()}"


class Obedient:
    """Answers a fake's requests: everything asked for anywhere is called, once.

    Args:
        fake: Whose requests.
        heeds_quotes: It takes lines behind `>` for data, as it is told to; nothing else.
    """

    def __init__(self, fake: AnthropicFake, *, heeds_quotes: bool = False) -> None:
        self._fake = fake
        self._heeds_quotes = heeds_quotes
        fake.respond_with(self._answer)

    def _answer(self, request: dict[str, Any]) -> Answer:
        read = [*_texts(request.get("system")), *_texts(request["messages"])]
        lines = [line for said in read for line in said.splitlines()]
        if self._heeds_quotes:
            lines = [line for line in lines if not line.startswith(">")]
        asked = list(dict.fromkeys(found for line in lines for found in _ASKED.findall(line)))
        made = sum(block["type"] == "tool_use" for block in _said_itself(request["messages"]))
        if not asked[made:]:
            return Answer((text('"done"'),))
        calls = [
            self._fake.tool_use(name.replace(".", "__"), json.loads(base64.b64decode(args)))
            for name, args in asked[made:]
        ]
        return Answer(tuple(calls), "tool_use")


def _said_itself(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    own = [message["content"] for message in messages if message["role"] == "assistant"]
    return [block for content in own if not isinstance(content, str) for block in content]


def _texts(part: Any) -> list[str]:
    """Every text in a request's part, however deep; not what the model itself has said."""
    if isinstance(part, str):
        return [part]
    if isinstance(part, list):
        return [said for each in part for said in _texts(each)]
    if isinstance(part, dict):
        if part.get("role") == "assistant":
            return []
        return [said for key in ("text", "content") for said in _texts(part.get(key))]
    return []
