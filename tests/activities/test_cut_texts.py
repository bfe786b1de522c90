"""Texts of others that are cut to a length: no part of a secret remains where the cut goes."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable

import pytest
from mcp import MCPError

from activities.mcp.failures import Endpoint, server_failure
from activities.mcp.results import RESULT_LIMIT, capped
from activities.mcp.stdio import LastWords
from activities.providers.http_failures import error_text
from activities.runtimes.claude_managed_wire import shortened
from activities.runtimes.command_output import Output
from activities.secrets import Secrets
from rota.runtime_specs.command import CommandSettings
from workers.cli.logs import LINE_LIMIT, TextLines

SECRET = "Kx7/fQ2m+Zb9=Yw4"
PARTS = [SECRET[begin : begin + 4] for begin in range(len(SECRET) - 3)]


async def _read(feed: Callable[[asyncio.StreamReader], Awaitable[None]], text: str) -> None:
    stream = asyncio.StreamReader()
    stream.feed_data(text.encode())
    stream.feed_eof()
    await feed(stream)


async def complaint(text: str) -> str:
    """What is told of a program's standard error: its end."""
    settings = CommandSettings.model_validate({"command": ["x"]})
    output = Output(settings, lambda _: None)
    await _read(output.read_stderr, text)
    return output.complaint


async def progress(text: str) -> str:
    """What is told of a program that is at work."""
    told: list[str] = []
    await _read(
        Output(CommandSettings.model_validate({"command": ["x"]}), told.append).read_stderr,
        f"{text}\n",
    )
    return max(told, key=len)


async def last_words(text: str) -> str:
    """What is told of an MCP server that ends."""
    words = LastWords()
    await _read(words.read, text)
    return words.text


async def refusal(text: str) -> str:
    """What an MCP server answers as an error."""
    error = MCPError(-32603, text)
    return str(server_failure("x", error, endpoint=Endpoint(), last_words="", reached=True))


async def page(text: str) -> str:
    """What a proxy answers."""
    return error_text(text.encode())


async def listed(text: str) -> str:
    """What an API answers that lists its errors."""
    return error_text(json.dumps({"detail": [text]}).encode())


async def result(text: str) -> str:
    """What a tool of an MCP server answers."""
    return capped(text)


async def asked(text: str) -> str:
    """What a tool of a provider's is asked with."""
    return shortened({"q": text})


async def logged(text: str) -> str:
    """A line of a log."""
    return TextLines().format(logging.LogRecord("x", 20, "", 0, text, (), None))


@pytest.mark.parametrize(
    ("told", "limit"),
    [
        (complaint, 1200),
        (progress, 200),
        (last_words, 300),
        (refusal, 500),
        (page, 500),
        (listed, 500),
        (result, RESULT_LIMIT),
        (asked, 1000),
        (logged, LINE_LIMIT),
    ],
)
async def test_cut_through_a_secret_leaves_no_part_of_it(
    told: Callable[[str], Awaitable[str]], limit: int
) -> None:
    """Wherever the limit goes, be it counted from the beginning or from the end."""
    Secrets().keep_out(SECRET)
    for before in range(limit - 50, limit + 5, 3):
        for text in ("x" * before + SECRET + "y" * 100, "x" * 100 + SECRET + "y" * before):
            found = await told(text)
            assert found
            assert not [part for part in PARTS if part in found], (before, found[-60:])
