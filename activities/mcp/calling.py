"""One call of a server's tool, with what a person has answered to it."""

import asyncio
from pathlib import Path
from typing import Any

import mcp_types as types
from mcp import ClientSession, MCPError
from pydantic import TypeAdapter

from activities.mcp import asking
from activities.mcp.asking import Pending, Unanswerable
from activities.mcp.connection import with_server
from activities.mcp.results import capped, result_text
from rota.failures import FailureCategory, StepError
from rota.mcp import McpName
from rota.mcp_servers import McpServer
from rota.tools import NeedsAnswer, ToolContext, ToolError

MOST_ROUNDS = 10
"""Times that a server may say *not yet* without asking anything."""
ROUND_SECONDS = 0.25
"""Between two of them."""

KEY_META = "rota/idempotency-key"
"""In the call's `_meta`: the same for every attempt of a call, for servers that look at it."""

_REFUSALS = (types.INVALID_PARAMS, types.METHOD_NOT_FOUND, types.INVALID_REQUEST)
"""Errors of the protocol that mean: not like this. Nothing was done."""

_RESULT: TypeAdapter[types.CallToolResult | types.InputRequiredResult] = TypeAdapter(
    types.CallToolResult | types.InputRequiredResult
)


async def call(name: McpName, server: McpServer, args: dict[str, Any], context: ToolContext) -> str:
    """Call the tool once and return its result as text.

    Raises:
        ToolError: the tool, or the server, refused; for the model to read.
        NeedsAnswer: a person must answer first.
        StepError: the server failed; `maybe_billed` if it may have done the work.
    """
    kept = Pending.model_validate(context.state) if context.state else None
    given = _Given(None, None)
    if kept is not None and context.answers:
        answer = context.answers[-1]
        if problem := asking.problem_of(kept, answer):
            raise NeedsAnswer(asking.question(kept, problem), kept.model_dump(mode="json"))
        given = _Given({**asking.responses(kept, answer)}, kept.state)

    async def work(session: ClientSession) -> types.CallToolResult | types.InputRequiredResult:
        return await _called(session, name.tool, args, given, context)

    fleet: Path = context.fleet
    result = await with_server(name.server, server, fleet, context.secrets, work)
    if isinstance(result, types.InputRequiredResult):
        raise _needs(result, name)
    text = result_text(result)
    if result.is_error:
        raise ToolError(text)
    return text


class _Given:
    """What goes along with a call that is made again."""

    def __init__(self, responses: types.InputResponses | None, state: str | None) -> None:
        self.responses = responses
        self.state = state


async def _called(
    session: ClientSession, tool: str, args: dict[str, Any], given: _Given, context: ToolContext
) -> types.CallToolResult | types.InputRequiredResult:
    listed = False
    for _ in range(MOST_ROUNDS):
        try:
            result = await _sent(session, tool, args, given, context)
        except MCPError as error:
            if error.code == types.HEADER_MISMATCH and not listed:
                # Some arguments travel in headers, which the list of tools says.
                await session.list_tools()
                listed = True
                continue
            raise _refused(error, given) from error
        if isinstance(result, types.CallToolResult) or result.input_requests:
            return result
        given = _Given(None, result.request_state)
        await asyncio.sleep(ROUND_SECONDS)
    raise StepError(
        FailureCategory.TRANSIENT,
        f"the server of {tool} said {MOST_ROUNDS} times that it is not ready",
        maybe_billed=True,
    )


async def _sent(
    session: ClientSession, tool: str, args: dict[str, Any], given: _Given, context: ToolContext
) -> types.CallToolResult | types.InputRequiredResult:
    # Not `session.call_tool`, which asks for the list again to check the result: a failure of
    # that would hide a result that is there.
    params = types.CallToolRequestParams(
        name=tool,
        arguments=args,
        input_responses=given.responses,
        request_state=given.state,
        _meta={KEY_META: context.idempotency_key},
    )

    async def report(progress: float, total: float | None, message: str | None) -> None:
        of = f" of {total:g}" if total is not None else ""
        context.heartbeat(message or f"{progress:g}{of}")

    return await session.send_request(
        types.CallToolRequest(params=params), _RESULT, progress_callback=report
    )


def _refused(error: MCPError, given: _Given) -> Exception:
    """Tell a refusal, which the model reads, from a failure of the connection."""
    if error.code == types.INVALID_PARAMS and given.state is not None:
        return ToolError(
            f"the server no longer takes the answer to what it asked ({error.message}): "
            "call the tool again if it is still needed, and it asks anew"
        )
    if error.code in _REFUSALS:
        return ToolError(capped(f"the server refused: {error.message}"))
    return error


def _needs(result: types.InputRequiredResult, name: McpName) -> Exception:
    kept = asking.pending(result)
    try:
        return NeedsAnswer(asking.question(kept), kept.model_dump(mode="json"))
    except Unanswerable as error:
        return ToolError(f"mcp server {name.server}: {error}")
