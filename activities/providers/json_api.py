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

import httpx2

from activities.providers.http_failures import (
    PROVIDER_ERRORS,
    classify_response,
    classify_transport,
    error_text,
)
from rota.failures import FailureCategory, StepError
from rota.tools import ToolError

MAX_ANSWER = 20_000_000
"""Bytes; no API that tools work with answers with more."""

Classify = Callable[[int, httpx2.Headers, str], StepError | None]
"""What an API says in a way of its own; None leaves an error to the general rules."""


@dataclass(frozen=True)
class ApiAnswer:
    """An answer whose status is no error."""

    headers: httpx2.Headers
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
        except (ValueError, RecursionError) as error:
            raise classify_transport(_as_decode_error(error), vendor=self.vendor) from error


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
        self.vendor = vendor
        self._base_url = base_url
        self._secrets = secrets
        self._told = told
        self._classify = classify
        self._cure = {FailureCategory.AUTH: f"check {vendor.lower()}'s credentials in fleet.yaml"}
        self._client = httpx2.AsyncClient(
            headers={"User-Agent": "rota", **headers}, timeout=timeout.total_seconds()
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.aclose()

    async def call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Any = None,
        accept: str = "application/json",
        most: int = MAX_ANSWER,
    ) -> ApiAnswer:
        """Make one request; with a `body`, as JSON.

        Raises:
            ToolError: a status that a model can mend, or an answer of more than `most` bytes.
            StepError: any other failure; `maybe_billed` if the request may have had an effect.
        """
        request = self._client.build_request(
            method,
            f"{self._base_url}{path}",
            params=params,
            json=body,
            headers={"Accept": accept},
        )
        try:
            response = await self._client.send(request, stream=True)
            try:
                content = await self._read(response, most)
            finally:
                await response.aclose()
        except PROVIDER_ERRORS as error:
            raise classify_transport(error, vendor=self.vendor, secrets=self._secrets) from None
        if response.status_code >= 300:
            raise self._failure(response, error_text(content))
        return ApiAnswer(response.headers, content, self.vendor)

    async def _read(self, response: httpx2.Response, most: int) -> bytes:
        content = bytearray()
        async for chunk in response.aiter_bytes():
            content += chunk
            if len(content) > most:
                raise ToolError(f"{self.vendor}'s answer is larger than {most:,} bytes")
        return bytes(content)

    def _failure(self, response: httpx2.Response, message: str) -> Exception:
        status = response.status_code
        special = self._classify(status, response.headers, message) if self._classify else None
        failure = special or classify_response(
            status,
            response.headers,
            message,
            vendor=self.vendor,
            cure=self._cure,
            secrets=self._secrets,
        )
        if special is None and status in self._told:
            return ToolError(str(failure))
        return failure


def _as_decode_error(error: Exception) -> Exception:
    return error if isinstance(error, ValueError) else ValueError("nested too deeply")
