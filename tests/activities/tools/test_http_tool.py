"""`http.get`: text and JSON of allowed hosts, in a form that a model reads."""

import json
from typing import Any

import httpx2
import pytest

from activities.tools.http import http_get_tool
from rota.failures import FailureCategory, StepError
from rota.tools import ToolError
from tests.activities.egress.networks import PUBLIC_ADDRESS, Answering, NotedNetwork
from tests.activities.tools.calling import call, context

URL = "https://api.example/rates"


async def get(answer: Answering, url: str = URL, **egress: Any) -> Any:
    """Call the tool in a network where every host answers so."""
    noted = NotedNetwork({"api.example": [[PUBLIC_ADDRESS]]}, answer)
    at = context(egress={"allow": ["https://api.example"], **egress})
    return await call(http_get_tool(noted.network), at, url=url)


def answering(status: int = 200, **details: Any) -> Answering:
    """Always the same answer."""
    return lambda _: httpx2.Response(status, **details)


async def test_json_is_returned_as_json_with_what_describes_it() -> None:
    """Cookies and the rest of the headers stay out of the conversation."""
    headers = {"etag": '"1"', "set-cookie": "s=1", "content-type": "application/vnd.api+json"}
    content = json.dumps({"EUR": 1.5}).encode()
    assert await get(answering(content=content, headers=headers)) == {
        "url": URL,
        "status": 200,
        "headers": {"content-type": "application/vnd.api+json", "etag": '"1"'},
        "body": {"EUR": 1.5},
    }


@pytest.mark.parametrize(
    ("content", "kind", "body"),
    [
        (b"plain", "text/plain", "plain"),
        ("grün".encode("latin-1"), "text/html; charset=ISO-8859-1", "grün"),
        ("grün".encode(), "text/html; charset=nonsense", "grün"),
        (b"\xff", "text/csv", "\ufffd"),
        (b"{broken", "application/json", "{broken"),
        (b"[NaN]", "application/json", ["NaN"]),
        (b"[1e999, 0.5]", "application/json", ["1e999", 0.5]),
        (b"<a/>", "application/rss+xml", "<a/>"),
        (b"", "text/plain", ""),
        ("ü".encode("utf-16"), "text/plain; charset=utf-16", "ü"),
        (b"xn-9ca", "text/plain; charset=punycode", "xn-9ca"),
        (rb"\u0041", "text/plain; charset=Unicode-Escape", r"\u0041"),
    ],
)
async def test_text_is_returned_as_text(content: bytes, kind: str, body: Any) -> None:
    """By the charset it names; what calls itself JSON and is none, as it came."""
    answer = await get(answering(content=content, headers={"content-type": kind}))
    assert answer["body"] == body


async def test_json_that_is_nested_too_deeply_comes_as_it_was() -> None:
    """What cannot be written again as JSON is still text that a model can read."""
    nested = b"[" * 300 + b"]" * 300
    answer = await get(answering(content=nested, headers={"content-type": "application/json"}))
    assert answer["body"] == nested.decode()


async def test_error_status_is_an_answer_to_be_read() -> None:
    """A page that is not there is something a model should know of, not a failure."""
    answer = await get(answering(404, text="no such rate"))
    assert (answer["status"], answer["body"]) == (404, "no such rate")


@pytest.mark.parametrize(
    ("answer", "egress", "problem"),
    [
        (answering(content=b"x", headers={"content-type": "image/png"}), {}, "image/png"),
        (answering(content=b"\0x", headers={"content-type": "text/plain"}), {}, "is none"),
        (answering(text="x" * 11), {"max_bytes": 10}, "larger than 10 bytes"),
        (answering(302, headers={"location": "http://127.0.0.1/"}), {}, "refused"),
    ],
)
async def test_answer_that_is_not_taken_is_told_to_the_model(
    answer: Answering, egress: dict[str, Any], problem: str
) -> None:
    """Pictures, sizes and ways elsewhere: asking again would not help."""
    with pytest.raises(ToolError, match=problem):
        await get(answer, **egress)


async def test_url_that_is_not_allowed_is_refused_with_the_list() -> None:
    """The model learns where it may go instead."""
    with pytest.raises(ToolError, match=r"evil\.example is not among .*: https://api"):
        await get(answering(), "https://evil.example/")


async def test_host_that_breaks_off_is_worth_another_attempt() -> None:
    """A read may be repeated; what is tried again says what happened."""

    def broken(_: httpx2.Request) -> httpx2.Response:
        raise httpx2.RemoteProtocolError("cut off")

    with pytest.raises(StepError, match="cut off") as failed:
        await get(broken)
    assert failed.value.category is FailureCategory.TRANSIENT
