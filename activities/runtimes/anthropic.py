"""The Claude API as a model runtime: one streamed Messages call per turn.

Runs in an activity. Streaming is used for its honesty, not its speed: the last event of
a stream proves that the answer is whole, and tokens that keep coming show a long answer
to be alive. The SDK's retries are off because Temporal owns every retry, and a retried
call is paid for twice: the API has no idempotency key.

Source: anthropic SDK 2.12, API version 2026-10-21.
"""

import asyncio
import os
from typing import Any

import httpx2
from anthropic import AsyncAnthropic, DefaultAsyncHttpxClient

from activities.providers.anthropic_errors import PROVIDER_ERRORS, classify
from activities.providers.declared_settings import read_settings
from activities.providers.keys import read_key
from activities.providers.tool_names import ToolNames
from activities.runtimes.anthropic_messages import LONGEST_NAME, request_body, to_reply
from activities.runtimes.anthropic_stream import MessageAssembler
from activities.trusted_roots import trusted_roots
from rota.conversation import ModelReply, ModelRequest
from rota.failures import FailureCategory, StepError
from rota.runtime_specs.anthropic import AnthropicSettings
from rota.runtime_specs.base import RuntimeSettings
from rota.runtimes.kind import Probe
from rota.tools import SecretReader

CONNECT_TIMEOUT_SECONDS = 10.0
"""Enough for a slow handshake; an unreachable host should fail while it is cheap."""

PROBE_TIMEOUT_SECONDS = 10.0
"""An API that tells of a model more slowly than this is not well."""


class AnthropicRuntime:
    """Implements `rota.conversation.ModelRuntime` for `kind: anthropic`.

    Args:
        resolve_secret: Returns the value behind `env:NAME` or `file:/path`, or raises
            LookupError naming the reference only.

    One instance serves a worker's whole event loop; connections are kept between calls.
    """

    def __init__(self, resolve_secret: SecretReader) -> None:
        self._resolve_secret = resolve_secret
        self._clients: dict[tuple[str, str | None, float], AsyncAnthropic] = {}

    async def invoke(self, request: ModelRequest) -> ModelReply:
        """Make exactly one call.

        `usage.cost_micros` is left for the caller to fill by price.

        Raises:
            StepError: every failure of the call, classified. An answer that is whole but
                empty is `outcome_invalid` and not `transient`: it was paid for, and the
                same request is likely to give the same nothing. Its tokens are lost with
                it, which `maybe_billed` says.

        **Idempotency:** none; a second call is billed again. Store the reply under the
        step's key before completing.
        """
        settings = read_settings(AnthropicSettings, request.settings)
        key = read_key(self._resolve_secret, settings.api_key)
        names = ToolNames.of(request, LONGEST_NAME)
        try:
            client = self._client(settings, key)
            async with asyncio.timeout(settings.timeout.total_seconds()):
                message, request_id = await _stream(client, request_body(request, settings, names))
        except PROVIDER_ERRORS as error:
            # Without `from None` the cause would travel along, unredacted, in the failure.
            raise classify(error, secret=key) from None
        return to_reply(message, names, request_id)

    async def probe(self, settings: RuntimeSettings) -> Probe:
        """Look the model up, which costs nothing."""
        if not isinstance(settings, AnthropicSettings):
            raise TypeError(f"settings of kind anthropic expected, not {type(settings).__name__}")
        key = ""
        try:
            key = read_key(self._resolve_secret, settings.api_key)
            client = self._client(settings, key)
            async with asyncio.timeout(PROBE_TIMEOUT_SECONDS):
                model = await client.models.retrieve(settings.model)
        except PROVIDER_ERRORS as error:
            failure = classify(error, secret=key)
            return Probe(ok=False, found=str(failure), cure=_cure(failure, settings))
        except StepError as error:
            return Probe(ok=False, found=str(error), cure="set the secret for the worker")
        # A gateway may answer with anything that is JSON; its fields are then not there.
        if getattr(model, "id", None) is None:
            return Probe(ok=True, found=f"{client.base_url} answers, and lists no models")
        return Probe(ok=True, found=f"{client.base_url} serves {model.id}")

    async def aclose(self) -> None:
        """Close all connections; calls in flight fail. Safe to repeat."""
        clients, self._clients = self._clients, {}
        for client in clients.values():
            await client.close()

    def _client(self, settings: AnthropicSettings, key: str) -> AsyncAnthropic:
        base_url = settings.base_url or os.environ.get("ANTHROPIC_BASE_URL") or None
        timeout = settings.timeout.total_seconds()
        known = self._clients.get((key, base_url, timeout))
        if known is None:
            # The key is always explicit: otherwise the SDK looks for credentials by itself,
            # in the environment and in profiles on disk.
            known = self._clients[key, base_url, timeout] = AsyncAnthropic(
                api_key=key,
                base_url=base_url,
                max_retries=0,
                timeout=httpx2.Timeout(timeout, connect=min(timeout, CONNECT_TIMEOUT_SECONDS)),
                http_client=DefaultAsyncHttpxClient(verify=trusted_roots()),
            )
        return known


def _cure(failure: StepError, settings: AnthropicSettings) -> str:
    match failure.category:
        case FailureCategory.AUTH:
            return f"check the key behind runtime.api_key ({settings.api_key})"
        case FailureCategory.INVALID_REQUEST:
            return f"check runtime.model ({settings.model}) and runtime.base_url"
        case _:
            return "check runtime.base_url and the network, or try again later"


async def _stream(
    client: AsyncAnthropic, body: dict[str, Any]
) -> tuple[dict[str, Any], str | None]:
    assembler = MessageAssembler()
    async with await client.messages.create(stream=True, **body) as stream:
        async for event in stream:
            # Unknown blocks and events are fine; the SDK's serializer would warn of each.
            assembler.add(event.to_dict(mode="json", warnings=False))
        headers = stream.response.headers
        request_id = headers.get("request-id")
        return assembler.finish(request_id, headers.get("content-type", "")), request_id
