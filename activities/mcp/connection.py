"""One connection to an MCP server: made for one listing or one call, then gone.

The protocol keeps no session, so nothing is lost between two connections, whichever worker
makes them.
"""

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import mcp_types as types
from mcp import Client, ClientSession, MCPError
from mcp.client import Transport
from mcp.client.streamable_http import streamable_http_client
from pydantic import ValidationError

from activities.mcp.failures import Endpoint, server_failure
from activities.mcp.stdio import MESSAGE_LIMIT, LastWords, environment, stdio
from activities.providers.http_failures import PROVIDER_ERRORS
from activities.providers.keys import read_key
from activities.trusted_roots import trusted_roots
from rota.failures import FailureCategory, StepError
from rota.mcp_servers import McpServer
from rota.runtime_specs.base import is_reference
from rota.tools import SecretReader

log = logging.getLogger("rota.mcp")

CONNECT_SECONDS = 10.0
"""An unreachable host should fail while it is cheap."""

Result = TypeVar("Result")
Work = Callable[[ClientSession], Awaitable[Result]]

_OURSELVES = types.Implementation(name="rota", version="1")


async def with_server(
    name: str, server: McpServer, fleet: Path, secrets: SecretReader, work: Work[Result]
) -> Result:
    """Connect, do `work` and return what it returns. Sets no limit of its own.

    What `work` raises passes through, but for what only the connection can explain: errors
    of the protocol and of the transport.

    Raises:
        StepError: named after the server; `maybe_billed` once the connection stood.
    """
    endpoint, words = Endpoint(), LastWords()
    results: list[Result] = []
    failures: list[Exception] = []
    reached = False
    try:
        transport = _transport(name, server, fleet, secrets, endpoint, words)
        async with Client(
            transport, client_info=_OURSELVES, elicitation_callback=_no_person, cache=None
        ) as client:
            reached = True
            # Not raised in here: the SDK's task group would wrap it.
            try:
                results.append(await work(client.session))
            except Exception as error:  # noqa: BLE001 - told apart below
                failures.append(error)
    except Exception as error:
        if not results and not failures:
            raise server_failure(
                name, error, endpoint=endpoint, last_words=words.text, reached=reached
            ) from error
        # The answer is there; how the connection ended no longer matters.
        log.warning("mcp server %s: the connection ended with %s", name, type(error).__name__)
    if failures:
        raise _explained(name, failures[0], endpoint, words) from failures[0]
    return results[0]


def _explained(name: str, error: Exception, endpoint: Endpoint, words: LastWords) -> Exception:
    if not isinstance(error, (MCPError, ValidationError, *PROVIDER_ERRORS)):
        return error
    return server_failure(name, error, endpoint=endpoint, last_words=words.text, reached=True)


def _transport(
    name: str,
    server: McpServer,
    fleet: Path,
    secrets: SecretReader,
    endpoint: Endpoint,
    words: LastWords,
) -> Transport:
    where = f"fleet.yaml: mcp.{name}"
    if server.url is None:
        env = environment(
            {key: _value(secrets, text, f"{where}.env.{key}") for key, text in server.env.items()}
        )
        setting = f"mcp server {name}: cannot start (mcp.{name}.command)"
        return stdio(server.command, fleet / server.cwd, env, setting, words)
    headers = {
        key: read_key(secrets, text, f"{where}.headers.{key}") if is_reference(text) else text
        for key, text in server.headers.items()
    }
    if server.token is not None:
        token = read_key(secrets, server.token, f"{where}.token")
        headers["Authorization"] = f"Bearer {token}"
    return _http(server.url, headers, endpoint)


def _value(secrets: SecretReader, text: str, where: str) -> str:
    if not is_reference(text):
        return text
    try:
        return secrets(text)
    except LookupError as error:
        raise StepError(FailureCategory.AUTH, f"{where}: {error}") from error


@asynccontextmanager
async def _http(url: str, headers: dict[str, str], endpoint: Endpoint) -> AsyncGenerator[Any]:
    # The limit is the caller's: only it knows how long a call may take.
    timeout = httpx2.Timeout(None, connect=CONNECT_SECONDS)
    hooks = {"response": [endpoint.saw]}
    # Redirects are followed within the same scheme, host and port alone.
    async with (
        httpx2.AsyncClient(
            headers=headers, timeout=timeout, event_hooks=hooks, verify=trusted_roots()
        ) as client,
        streamable_http_client(
            url, http_client=client, max_sse_event_size=MESSAGE_LIMIT
        ) as streams,
    ):
        yield streams


async def _no_person(context: Any, params: types.ElicitRequestParams) -> types.ErrorData:
    """Refuse a question asked over the open connection: a person may take days."""
    return types.ErrorData(
        code=types.INVALID_REQUEST,
        message="nobody can answer within a call; return an InputRequiredResult instead",
    )
