"""Turns every way a server can fail into a classified `StepError` that names the server."""

import json
from collections.abc import Mapping

import httpx2
import mcp_types as types
from mcp import MCPError
from pydantic import ValidationError

from activities.providers.http_failures import (
    PROVIDER_ERRORS,
    classify_response,
    classify_transport,
)
from activities.secrets import Secrets
from rota.failures import FailureCategory, StepError

MESSAGE_LIMIT = 500
"""Characters kept of a server's message: its first line."""


class Endpoint:
    """What an endpoint last answered, which the SDK's errors do not tell."""

    def __init__(self) -> None:
        self.status = 200
        self.headers: Mapping[str, str] = {}

    async def saw(self, response: httpx2.Response) -> None:
        """Remember the status; a hook of the HTTP client."""
        # Endpoints may refuse the other methods, and often do.
        if response.request.method == "POST":
            self.status, self.headers = response.status_code, dict(response.headers)


def server_failure(
    name: str, error: BaseException, *, endpoint: Endpoint, last_words: str, reached: bool
) -> StepError:
    """Classify what went wrong between Rota and a server.

    Args:
        name: The server's key in `fleet.yaml`.
        error: What was raised, perhaps within groups of the SDK's tasks.
        endpoint: What it answered over HTTP, if it did.
        last_words: What a program wrote to standard error.
        reached: The connection had been made: what was asked may have been done.
    """
    error, who = _leaf(error), f"mcp server {name}"
    if isinstance(error, StepError):
        return error
    if not 200 <= endpoint.status < 300:
        return classify_response(
            endpoint.status,
            endpoint.headers,
            str(error),
            vendor=who,
            cure={
                FailureCategory.AUTH: f"check mcp.{name}.token and headers in fleet.yaml",
                FailureCategory.INVALID_REQUEST: f"check mcp.{name}.url in fleet.yaml",
            },
        )
    if isinstance(error, PROVIDER_ERRORS) and not isinstance(error, json.JSONDecodeError):
        cure = f"check mcp.{name}.url in fleet.yaml, and that it runs"
        failure = classify_transport(error, vendor=who, cure=cure)
        # What was asked first is the handshake, which does nothing.
        failure.maybe_billed = failure.maybe_billed and reached
        return failure
    said = f": {last_words}" if last_words else ""
    if isinstance(error, MCPError) and error.code == types.CONNECTION_CLOSED:
        what = "it went away" if reached else "cannot start: it ended before it answered"
        text = f"{who}: {what}{said or f': {error.message}'}"
        return StepError(FailureCategory.TRANSIENT, text, maybe_billed=reached)
    if isinstance(error, MCPError):
        category = FailureCategory.TRANSIENT if reached else FailureCategory.INVALID_REQUEST
        message = Secrets().shortened(error.message.partition("\n")[0], MESSAGE_LIMIT)
        text = f"{who}: it answered with error {error.code}: {message}{said}"
        return StepError(category, text, maybe_billed=reached)
    if isinstance(error, ValidationError):
        text = f"{who}: what it answered is not MCP: {_first_problem(error)}"
        return StepError(FailureCategory.OUTCOME_INVALID, text, maybe_billed=reached)
    text = f"{who}: {type(error).__name__}: {error}{said}"
    return StepError(FailureCategory.TRANSIENT, text, maybe_billed=reached)


def _leaf(error: BaseException) -> BaseException:
    """The first failure in a group: the SDK's tasks end together."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]  # pyright: ignore[reportUnknownVariableType]
    return error  # pyright: ignore[reportUnknownVariableType]


def _first_problem(error: ValidationError) -> str:
    item = error.errors(include_input=False)[0]
    return f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}"
