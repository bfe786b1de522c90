"""Servers that speak no MCP, or not only: each is an error by name, soon, with nothing left."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from activities.mcp.listing import list_server, pins_of
from activities.secrets import Secrets
from rota.failures import FailureCategory, StepError
from rota.mcp_servers import McpServer
from tests.fakes.loopback_http import Connection, Handler, HttpRequest, LoopbackServer
from tests.fakes.mcp_warehouse import Log, WarehouseEndpoint
from tests.house.repository import ROOT

SECOND = timedelta(seconds=1)
ENV = {"PYTHONPATH": str(ROOT)}
BANNER = """
import runpy, sys
print("Welcome to the warehouse!", flush=True)
sys.argv = ["warehouse", sys.argv[1]]
runpy.run_module("tests.fakes.mcp_warehouse", run_name="__main__")
"""
ECHO = "import sys\nfor line in sys.stdin: print(line, end='', flush=True)"
FLOOD = "import time\nprint('x' * 20_000_000, flush=True)\ntime.sleep(60)"


async def listed(server: McpServer) -> list[str]:
    """The names of the tools."""
    return sorted(await list_server("warehouse", server, ROOT, Secrets()))


async def test_program_that_says_more_than_mcp_is_understood(tmp_path: Path) -> None:
    """A banner on standard output is no message, and no reason to give up."""
    command = (sys.executable, "-c", BANNER, str(tmp_path / "log"))
    assert "query" in await listed(McpServer(command=command, env=ENV))


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (ECHO, "it answered with error -32601"),
        (FLOOD, "it ended before it answered: a message of more than 16777216 bytes"),
        ("import sys; sys.exit('no stock')", "it ended before it answered: no stock"),
    ],
    ids=["echo", "flood", "end"],
)
async def test_program_that_is_no_server_is_told_soon(code: str, text: str) -> None:
    """Nobody waits for the time limit, or for output that nobody reads."""
    server = McpServer(command=(sys.executable, "-c", code))
    with pytest.raises(StepError) as caught:
        async with asyncio.timeout(15):
            await listed(server)
    assert text in str(caught.value)
    assert str(caught.value).startswith("mcp server warehouse: ")


@pytest.mark.parametrize("place", ["token", "headers.X-Key"])
async def test_secret_that_no_header_carries_is_named_and_not_sent(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Waiting does not cure it, and the words hold nothing of it."""
    monkeypatch.setenv("ROTA_TEST_ODD", "hush\u2026hush")
    key, _, name = place.partition(".")
    given = {name: "env:ROTA_TEST_ODD"} if name else "env:ROTA_TEST_ODD"
    server = McpServer.model_validate({"url": "http://127.0.0.1:9/mcp", key: given})
    with pytest.raises(StepError, match=rf"mcp\.warehouse\.{place}: env:ROTA_TEST_ODD") as caught:
        await listed(server)
    assert caught.value.category is FailureCategory.AUTH
    assert "hush" not in str(caught.value)


@contextmanager
def endpoint(handler: Handler) -> Iterator[McpServer]:
    """An endpoint that answers as `handler` does."""
    server = LoopbackServer(handler)
    server.start()
    try:
        yield McpServer(url=f"http://127.0.0.1:{server.port}/mcp", list_timeout=SECOND)
    finally:
        server.close()


async def no_mcp(request: HttpRequest, connection: Connection) -> None:
    """JSON, but not of the protocol."""
    await connection.send_json(200, {"hello": "world"}, {})


async def page(request: HttpRequest, connection: Connection) -> None:
    """A login page."""
    await connection.send(200, b"<html>", {"content-type": "text/html"})


async def drop(request: HttpRequest, connection: Connection) -> None:
    """No answer at all."""
    connection.drop()


async def busy(request: HttpRequest, connection: Connection) -> None:
    """Come back later."""
    await connection.send(503, b"", {"retry-after": "7"})


async def silent(request: HttpRequest, connection: Connection) -> None:
    """Never answer."""
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("handler", "category", "text"),
    [
        (no_mcp, FailureCategory.INVALID_REQUEST, "error -32700: Failed to parse JSON response"),
        (page, FailureCategory.INVALID_REQUEST, "Unexpected content type: text/html"),
        (drop, FailureCategory.TRANSIENT, "RemoteProtocolError"),
        (busy, FailureCategory.OVERLOADED, "answered 503"),
        (silent, FailureCategory.TIMEOUT, "no list of tools within 1s"),
    ],
)
async def test_endpoint_that_is_no_server_is_told_in_a_line(
    handler: Handler, category: FailureCategory, text: str
) -> None:
    """Which it is decides whether the run tries again."""
    with (
        endpoint(handler) as server,
        pytest.raises(StepError, match="mcp server warehouse") as caught,
    ):
        await listed(server)
    told = str(caught.value)
    assert caught.value.category is category
    assert text in told
    assert "\n" not in told
    if handler is busy:
        assert caught.value.retry_after is not None
        assert caught.value.retry_after.total_seconds() == 7


async def test_effects_follow_the_annotations(tmp_path: Path) -> None:
    """Read-only and idempotent as the server says; whatever says nothing is a write."""
    with WarehouseEndpoint(Log(tmp_path / "log")) as warehouse:
        server = McpServer(url=warehouse.url, timeout=7 * SECOND)
        tools = await list_server("warehouse", server, ROOT, Secrets())
        pins = pins_of("warehouse", server, tools, ["query", "reserve", "post"])
    assert [(pin.name, pin.effect, pin.timeout_seconds) for pin in pins] == [
        ("mcp:warehouse/query", "read", 7.0),
        ("mcp:warehouse/reserve", "idempotent", 7.0),
        ("mcp:warehouse/post", "write", 7.0),
    ]
