"""A client of one JSON API at a declared address, for the tools that work with it.

One client for each call of a tool, nothing kept between them; nothing is tried twice here.
Every failure is classified; what a model can mend (a wrong number, a name it invented) is a
`ToolError` for it to read.
"""

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

from activities.providers.http_failures import classify_response, classify_transport, error_text
from activities.providers.json_calls import Call, JsonCalls, Peer, Reply
from rota.failures import FailureCategory, StepError
from rota.tools import ToolError

MAX_ANSWER = 20_000_000
"""Bytes; no API that tools work with answers with more."""

Classify = Callable[[int, Mapping[str, str], str], StepError | None]
"""What an API says in a way of its own; None leaves an error to the general rules."""


@dataclass(frozen=True)
class ApiAnswer:
    """An answer whose status is one of success."""

    headers: Mapping[str, str]
    body: bytes
    vendor: str

    @property
    def text(self) -> str:
        """The body as text; odd bytes are replaced."""
        return self.body.decode(errors="replace")

    @property
    def data(self) -> Any:
        """The body as JSON.

        Raises:
            StepError: `transient`: it is none.
        """
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise classify_transport(error, vendor=self.vendor) from None
        except RecursionError:
            nested = ValueError("nested too deeply")
            raise classify_transport(nested, vendor=self.vendor) from None


class JsonApi:
    """Calls of one API with one set of credentials.

    Args:
        vendor: What people call the API, for messages.
        base_url: As declared, without a slash at its end.
        headers: Of every request; credentials among them.
        timeout: Longest time for one request.
        secrets: Values cut out of every message.
        told: Statuses that a model can mend: raised as `ToolError`.
        classify: For statuses and words that mean something special in this API.
    """

    def __init__(
        self,
        vendor: str,
        base_url: str,
        *,
        headers: Mapping[str, str],
        timeout: timedelta,
        secrets: Collection[str],
        told: Collection[int] = (400, 404, 410, 422),
        classify: Classify | None = None,
    ) -> None:
        cure = f"check {vendor.lower()}'s credentials in fleet.yaml"
        self._peer = Peer(vendor, {FailureCategory.AUTH: cure}, tuple(secrets))
        self._base_url = base_url
        self._headers = {"User-Agent": "rota", **headers}
        self._seconds = timeout.total_seconds()
        self._told = told
        self._classify = classify
        self._calls = JsonCalls()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._calls.aclose()

    async def call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Any = None,
        accept: str = "application/json",
    ) -> ApiAnswer:
        """Make one request; with a `body`, as JSON.

        Raises:
            ToolError: a status that a model can mend.
            StepError: any other failure; `maybe_billed` if the request may have had an effect.
        """
        query = f"?{urlencode(params)}" if params else ""
        reply = await self._calls.send(
            Call(
                method,
                f"{self._base_url}{path}{query}",
                headers={**self._headers, "Accept": accept},
                timeout=self._seconds,
                max_bytes=MAX_ANSWER,
                body=body,
            ),
            self._peer,
        )
        if not reply.is_success:
            raise self._failure(reply)
        return ApiAnswer(reply.headers, reply.body, self._peer.name)

    def _failure(self, reply: Reply) -> Exception:
        message = error_text(reply.body)
        if self._classify and (special := self._classify(reply.status, reply.headers, message)):
            return special
        failure = classify_response(
            reply.status,
            reply.headers,
            message,
            vendor=self._peer.name,
            cure=self._peer.cure,
            secrets=self._peer.secrets,
        )
        return ToolError(str(failure)) if reply.status in self._told else failure
