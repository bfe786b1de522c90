"""One HTTP request that carries JSON and is answered with JSON, within bounds.

For runtimes whose provider has no SDK. Redirects are not followed: what a service says of
other addresses is data, see `activities.egress`. Nothing is retried.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2

from activities.egress.bodies import ACCEPTED_ENCODING, AnswerRefusedError, read_body
from activities.providers.http_clients import shared_client
from activities.providers.http_failures import (
    PROVIDER_ERRORS,
    classify_response,
    classify_transport,
    error_text,
    redacted,
)
from rota.failures import FailureCategory, StepError

CONNECT_TIMEOUT_SECONDS = 10.0
"""Enough for a slow handshake; an unreachable host should fail while it is cheap."""


@dataclass(frozen=True)
class Peer:
    """Who is asked, and what is said when that fails."""

    name: str
    """As people call it."""
    cure: Mapping[FailureCategory, str] = field(default_factory=dict[FailureCategory, str])
    """What to do about a category, in words that name the setting."""
    secrets: tuple[str, ...] = ()
    """Values cut out of every message."""


@dataclass(frozen=True)
class Call:
    """One request."""

    method: str
    url: str
    headers: Mapping[str, str]
    timeout: float
    """Seconds until the answer must be whole."""
    max_bytes: int
    body: Any = None
    """Sent as JSON unless None."""

    @property
    def content(self) -> bytes:
        """The body as it travels."""
        return b"" if self.body is None else json.dumps(self.body, ensure_ascii=False).encode()

    @property
    def all_headers(self) -> dict[str, str]:
        """The headers, and those that the body needs."""
        kind = {} if self.body is None else {"Content-Type": "application/json"}
        return {**kind, "Accept": "application/json", **self.headers}


@dataclass(frozen=True)
class Reply:
    """One answer, whatever its status."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_success(self) -> bool:
        """The status is one of success."""
        return 200 <= self.status < 300

    @property
    def document(self) -> Any:
        """The JSON of the body; its text if it is no JSON; None if it is empty."""
        if not self.body.strip():
            return None
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return self.body.decode(errors="replace")


class JsonCalls:
    """Sends requests, keeping connections between them. One per worker's event loop."""

    def __init__(self) -> None:
        self._client: httpx2.AsyncClient | None = None

    async def send(self, call: Call, peer: Peer) -> Reply:
        """Send one request and read its answer.

        Raises:
            StepError: there was no usable answer; `maybe_billed` unless it cannot have
                arrived. A status of failure is an answer: see `required`.
        """
        if self._client is None:
            self._client = shared_client()
        timeout = httpx2.Timeout(call.timeout, connect=min(call.timeout, CONNECT_TIMEOUT_SECONDS))
        headers = {**call.all_headers, "Accept-Encoding": ACCEPTED_ENCODING}
        try:
            async with (
                asyncio.timeout(call.timeout),
                self._client.stream(
                    call.method, call.url, headers=headers, content=call.content, timeout=timeout
                ) as response,
            ):
                encoding = response.headers.get("content-encoding", "")
                body = await read_body(response.aiter_raw(), encoding, call.max_bytes)
                return Reply(response.status_code, response.headers, body)
        except AnswerRefusedError as error:
            raise refused(str(error), peer) from None
        except PROVIDER_ERRORS as error:
            # Without `from None` the cause would travel along, unredacted, in the failure.
            cure = peer.cure.get(FailureCategory.INVALID_REQUEST, "")
            raise classify_transport(
                error, vendor=peer.name, cure=cure, secrets=peer.secrets
            ) from None

    async def aclose(self) -> None:
        """Close all connections; calls in flight fail. Safe to repeat."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()


def required(reply: Reply, peer: Peer) -> Any:
    """Return the document of an answer of success.

    Raises:
        StepError: it is none, classified by its status.
    """
    if reply.is_success:
        return reply.document
    raise classify_response(
        reply.status,
        reply.headers,
        error_text(reply.body),
        vendor=peer.name,
        cure=peer.cure,
        secrets=peer.secrets,
    )


def refused(reason: str, peer: Peer) -> StepError:
    """Return the failure of an answer that is not taken."""
    return StepError(
        FailureCategory.OUTCOME_INVALID,
        redacted(f"{peer.name}: {reason}", peer.secrets),
        maybe_billed=True,
    )
