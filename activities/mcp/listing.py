"""What a server says that it can do, checked and pinned."""

import asyncio
from collections.abc import Iterable
from pathlib import Path

import mcp_types as types
from mcp import ClientSession

from activities.mcp.connection import with_server
from activities.schema_problems import schema_fault
from rota.failures import FailureCategory, StepError
from rota.language.durations import format_duration
from rota.mcp import MCP_PREFIX, ToolPin
from rota.mcp_servers import McpServer
from rota.model import content_digest
from rota.tools import Effect, SecretReader

MOST_PAGES = 100
"""Pages of a list. A server that has more goes round in circles."""


async def list_server(
    name: str, server: McpServer, fleet: Path, secrets: SecretReader
) -> dict[str, types.Tool]:
    """Ask a server for its tools; returns them by the server's own names.

    Raises:
        StepError: named after the server: it cannot be started or reached, took too long, or
            answered nonsense.
    """
    try:
        async with asyncio.timeout(server.list_timeout.total_seconds()):
            tools = await with_server(name, server, fleet, secrets, _all_pages)
    except TimeoutError:
        limit = format_duration(server.list_timeout)
        raise StepError(
            FailureCategory.TIMEOUT,
            f"mcp server {name}: no list of tools within {limit} (mcp.{name}.list_timeout)",
        ) from None
    return {tool.name: tool for tool in tools}


def pins_of(
    name: str, server: McpServer, tools: dict[str, types.Tool], wanted: Iterable[str]
) -> list[ToolPin]:
    """Pin those of a server's tools that an agent wants, in that order.

    Raises:
        StepError: `invalid_request`, the server has no such tool, its schema is none, or it is
            not the tool that the fleet has pinned.
    """
    return [_pin(name, server, tools, tool) for tool in wanted]


def _pin(name: str, server: McpServer, tools: dict[str, types.Tool], wanted: str) -> ToolPin:
    tool = tools.get(wanted)
    if tool is None:
        listed = ", ".join(sorted(tools)) or "none"
        raise StepError(
            FailureCategory.INVALID_REQUEST,
            f"mcp server {name} has no tool '{wanted}'; it has: {listed}",
        )
    if fault := schema_fault(tool.input_schema):
        raise StepError(
            FailureCategory.INVALID_REQUEST,
            f"mcp server {name}: the schema of its tool '{wanted}' is none: {fault}",
        )
    hints = tool.annotations
    open_world = hints is None or hints.open_world_hint is not False
    acts = open_world and _effect(hints) is not Effect.READ
    whole = tool.model_dump(mode="json", by_alias=True, exclude_none=True)
    digest = content_digest(whole)
    if not digest.startswith(server.pins.get(wanted, "")):
        raise StepError(
            FailureCategory.INVALID_REQUEST,
            f"mcp server {name}: its tool '{wanted}' is not what mcp.{name}.pins says: look at "
            f"what it has become (description, schema, annotations), then pin {digest[:12]}",
        )
    return ToolPin(
        name=f"{MCP_PREFIX}{name}/{wanted}",
        description=tool.description or tool.title or wanted,
        parameters=tool.input_schema,
        effect=_effect(hints),
        timeout_seconds=server.timeout.total_seconds(),
        digest=digest,
        private=bool(server.private),
        untrusted=open_world if server.untrusted is None else server.untrusted,
        outward=acts if server.outward is None else server.outward,
    )


def _effect(hints: types.ToolAnnotations | None) -> Effect:
    """Believe the server, which is declared and so trusted; what it does not say is a write."""
    if hints is not None and hints.read_only_hint:
        return Effect.READ
    if hints is not None and hints.idempotent_hint:
        return Effect.IDEMPOTENT
    return Effect.WRITE


async def _all_pages(session: ClientSession) -> list[types.Tool]:
    tools: list[types.Tool] = []
    cursor: str | None = None
    for _ in range(MOST_PAGES):
        params = types.PaginatedRequestParams(cursor=cursor) if cursor else None
        page = await session.list_tools(params=params)
        tools += page.tools
        cursor = page.next_cursor
        if not cursor:
            return tools
    raise StepError(
        FailureCategory.OUTCOME_INVALID, f"its list of tools has more than {MOST_PAGES} pages"
    )
