"""OpenAI's chat completions as a model runtime, on whatever server speaks them.

Runs in an activity. Streaming is used for its honesty, not its speed: `[DONE]` proves that
the answer is whole, and tokens that keep coming show a long answer to be alive. There is
no SDK: httpx2 makes exactly one request, since Temporal owns every retry.

Source: platform.openai.com, Chat Completions; httpx2 2.16.
"""

import asyncio
import json
import os
from collections.abc import Iterable
from typing import Any

import httpx2

from activities.providers.declared_settings import read_settings
from activities.providers.http_clients import shared_client
from activities.providers.http_failures import PROVIDER_ERRORS, classify_transport, error_text
from activities.providers.json_fields import optional_field
from activities.providers.keys import read_key
from activities.providers.tool_names import ToolNames
from activities.runtimes.openai_errors import classify_reported, classify_status
from activities.runtimes.openai_messages import VENDOR, request_body, to_reply
from activities.runtimes.openai_stream import DONE, CompletionAssembler, failure_in
from rota.conversation import ModelReply, ModelRequest
from rota.failures import FailureCategory, StepError
from rota.runtime_specs.base import RuntimeSettings, is_reference
from rota.runtime_specs.openai import OpenAISettings
from rota.runtimes.kind import Probe
from rota.tools import SecretReader

PUBLIC_URL = "https://api.openai.com/v1"

CONNECT_TIMEOUT_SECONDS = 10.0
"""Enough for a slow handshake; an unreachable host should fail while it is cheap."""

PROBE_TIMEOUT_SECONDS = 10.0
"""A server that lists its models more slowly than this is not well."""

_REDIRECT, _NOT_FOUND = 300, 404


class OpenAIRuntime:
    """Implements `rota.conversation.ModelRuntime` for `kind: openai`.

    Args:
        resolve_secret: Returns the value behind `env:NAME` or `file:/path`, or raises
            LookupError naming the reference only.

    One instance serves a worker's whole event loop; connections are kept between calls.
    """

    def __init__(self, resolve_secret: SecretReader) -> None:
        self._resolve_secret = resolve_secret
        self._client: httpx2.AsyncClient | None = None

    async def invoke(self, request: ModelRequest) -> ModelReply:
        """Make exactly one call.

        Raises:
            StepError: every failure of the call, classified. An answer that is whole but
                empty, or has no token counts, is `outcome_invalid` and not `transient`: it
                was paid for, and the same request is likely to give the same.

        **Idempotency:** none; a second call is billed again. Store the reply under the
        step's key before completing.
        """
        settings = read_settings(OpenAISettings, request.settings)
        headers, secrets = self._headers(settings)
        names = ToolNames.of(request)
        body = request_body(request, settings, names)
        try:
            async with (
                asyncio.timeout(settings.timeout.total_seconds()),
                self._http().stream(
                    "POST",
                    f"{_base_url(settings)}/chat/completions",
                    content=_encoded(body),
                    headers=headers,
                    timeout=_patience(settings.timeout.total_seconds()),
                ) as response,
            ):
                completion = await _completion(response, secrets)
        except PROVIDER_ERRORS as error:
            # Without `from None` the cause would travel along, unredacted, in the failure.
            raise classify_transport(
                error, vendor=VENDOR, cure="check runtime.base_url", secrets=secrets
            ) from None
        return to_reply(completion, names, response.headers, resend=settings.resend)

    async def probe(self, settings: RuntimeSettings) -> Probe:
        """Ask for the list of models, which costs nothing."""
        if not isinstance(settings, OpenAISettings):
            raise TypeError(f"settings of kind openai expected, not {type(settings).__name__}")
        url = _base_url(settings)
        try:
            headers, secrets = self._headers(settings)
        except StepError as error:
            return Probe(ok=False, found=str(error), cure="set the secret for the worker")
        try:
            response = await self._http().get(
                f"{url}/models", headers=headers, timeout=_patience(PROBE_TIMEOUT_SECONDS)
            )
            if response.status_code == _NOT_FOUND and settings.base_url:
                return Probe(ok=True, found=f"{url} answers, and lists no models")
            if response.status_code >= _REDIRECT:
                raise classify_status(
                    response.status_code, response.headers, error_text(response.content), secrets
                )
            return _found(settings, url, response.json())
        except PROVIDER_ERRORS as error:
            failure = classify_transport(error, vendor=VENDOR, secrets=secrets)
            return Probe(ok=False, found=str(failure), cure=f"check runtime.base_url ({url})")
        except StepError as error:
            return Probe(ok=False, found=str(error), cure="check runtime.api_key and base_url")

    async def aclose(self) -> None:
        """Close all connections; calls in flight fail. Safe to repeat."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    def _http(self) -> httpx2.AsyncClient:
        if self._client is None:
            self._client = shared_client()
        return self._client

    def _headers(self, settings: OpenAISettings) -> tuple[dict[str, str], list[str]]:
        """The request's headers, and the secrets in them."""
        headers = {"content-type": "application/json", "user-agent": "rota"}
        secrets: list[str] = []
        for name, value in settings.headers.items():
            if is_reference(value):
                value = read_key(self._resolve_secret, value, f"runtime.headers.{name}")
                secrets.append(value)
            headers[name] = value
        if settings.api_key is not None:
            key = read_key(self._resolve_secret, settings.api_key)
            headers["authorization"] = f"Bearer {key}"
            secrets.append(key)
        return headers, secrets


def _base_url(settings: OpenAISettings) -> str:
    return (settings.base_url or os.environ.get("OPENAI_BASE_URL") or PUBLIC_URL).rstrip("/")


def _patience(seconds: float) -> httpx2.Timeout:
    return httpx2.Timeout(seconds, connect=min(seconds, CONNECT_TIMEOUT_SECONDS))


def _encoded(body: dict[str, Any]) -> bytes:
    # What cannot be UTF-8 was replaced when it was recorded; NaN in `extra` is no JSON.
    try:
        return json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
    except ValueError as error:
        raise StepError(
            FailureCategory.INVALID_REQUEST, f"the request cannot be written as JSON: {error}"
        ) from None


async def _completion(response: httpx2.Response, secrets: Iterable[str]) -> dict[str, Any]:
    if response.status_code >= _REDIRECT:
        text = error_text(await response.aread())
        raise classify_status(response.status_code, response.headers, text, secrets)
    if not response.headers.get("content-type", "").startswith("text/event-stream"):
        completion = json.loads(await response.aread())
        _refuse_errors(completion, response, secrets)
        return completion
    assembler = CompletionAssembler()
    async for event in httpx2.EventSource(response, max_event_size=None):
        if event.data.strip() == DONE:
            assembler.done()
            continue
        chunk = json.loads(event.data)
        _refuse_errors(chunk, response, secrets)
        assembler.add(chunk)
    return assembler.finish()


def _refuse_errors(data: Any, response: httpx2.Response, secrets: Iterable[str]) -> None:
    error = failure_in(data)
    if error is not None:
        raise classify_reported(error, response.headers, secrets)


def _found(settings: OpenAISettings, url: str, listing: Any) -> Probe:
    models = optional_field(listing, "data", list, VENDOR, maybe_billed=False) or []
    ids = [found for model in models if (found := optional_field(model, "id", str, VENDOR))]
    if settings.model in ids:
        return Probe(ok=True, found=f"{url} serves {settings.model}")
    shown = ", ".join(sorted(ids)[:5]) or "none"
    # A gateway may serve by patterns what it does not list.
    return Probe(
        ok=settings.base_url is not None,
        found=f"{url} answers, but does not list {settings.model}",
        cure=f"check runtime.model; it lists {shown}",
    )
