"""`http.get`: read a page or an API that the fleet lists in `egress.allow`."""

import json
import math
from codecs import lookup
from contextlib import suppress
from typing import Annotated, Any

import httpx2
from pydantic import Field
from pydantic_core import to_jsonable_python

from activities.egress.bodies import AnswerRefusedError
from activities.egress.guard import Answer, EgressRefusedError, GuardedClient
from activities.egress.network import PUBLIC, Network
from activities.providers.http_failures import classify_transport
from rota.tools import Effect, ToolContext, ToolDefinition, ToolError, tool

ACCEPT = "application/json, text/*;q=0.9, application/xml;q=0.8, */*;q=0.1"
SHOWN_HEADERS = ("content-type", "date", "etag", "last-modified", "link", "location", "retry-after")
_NO_CHARSETS = frozenset({"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape"})
"""Codecs of Python's own that are no charset of a page: reading a megabyte as one of them
takes a minute, in which nothing else of the worker goes on."""
_TEXT_TYPES = ("json", "xml", "javascript", "ecmascript", "yaml", "csv", "x-www-form-urlencoded")


def http_get_tool(network: Network = PUBLIC) -> ToolDefinition:
    """Make `http.get`; another `network` is for tests."""

    @tool(name="http.get", effect=Effect.READ, timeout="11m", connection="egress", untrusted=True)
    async def get(
        context: ToolContext,
        url: Annotated[str, Field(description="Whole URL, such as https://host/path?query.")],
    ) -> dict[str, Any]:
        """Read a URL. Only hosts that this fleet allows can be read, and only text or JSON.

        Returns the status, some headers and the body; an error status is returned too.
        Redirects are followed to allowed hosts. Nothing is sent but the URL itself.
        """
        client = GuardedClient(context.connections.egress, network=network)
        try:
            answer = await client.request("GET", url, headers={"Accept": ACCEPT})
        except (EgressRefusedError, AnswerRefusedError) as error:
            raise ToolError(str(error)) from error
        except httpx2.TransportError as error:
            failure = classify_transport(error, vendor="the host")
            if not failure.category.retryable:
                raise ToolError(str(failure)) from error
            raise failure from error
        return {
            "url": answer.url,
            "status": answer.status,
            "headers": {n: answer.headers[n] for n in SHOWN_HEADERS if n in answer.headers},
            "body": _body(answer),
        }

    return get


def _body(answer: Answer) -> Any:
    """Return JSON as it is, other text as text.

    Raises:
        ToolError: the answer is no text.
    """
    kind, _, parameters = answer.headers.get("content-type", "text/plain").partition(";")
    kind = kind.strip().lower()
    if not (kind.startswith("text/") or kind.endswith(_TEXT_TYPES)):
        raise ToolError(f"the answer is {kind[:80]}, which is no text; it cannot be read")
    text = _decoded(answer.body, parameters)
    if kind.endswith("json"):
        try:
            found = json.loads(text, parse_constant=str, parse_float=_finite)
            # Nested more deeply than a result can be written again.
            to_jsonable_python(found)
            return found
        except (ValueError, RecursionError):
            # As it came: a model can make sense of JSON that is not quite.
            return text
    return text


def _finite(digits: str) -> float | str:
    """A number that is too large for JSON stays text."""
    number = float(digits)
    return number if math.isfinite(number) else digits


def _decoded(body: bytes, parameters: str) -> str:
    named = [part.partition("=") for part in parameters.split(";")]
    charset = next((v.strip(" \"'") for n, _, v in named if n.strip().lower() == "charset"), "")
    if b"\0" in body[:1000] and not charset:
        raise ToolError("the answer is called text and is none; it cannot be read")
    # A codec that is none for text, or does not exist, says so.
    with suppress(LookupError, ValueError):
        if lookup(charset or "utf-8").name not in _NO_CHARSETS:
            return body.decode(charset or "utf-8", errors="replace")
    return body.decode(errors="replace")
