"""Amazon Bedrock as a model runtime: one Converse call per turn, streamed unless declared.

Runs in an activity; the blocking call has a thread of its own. The SDK's retries are off
because Temporal owns every retry, and a retried call is paid for twice: the API has no
idempotency key.

Source: boto3 1.44, bedrock-runtime Converse and ConverseStream.
"""

import asyncio
from typing import Any

from activities.providers.aws_clients import AwsClients, operation
from activities.providers.aws_errors import classify
from activities.providers.aws_threads import Line
from activities.providers.converse_stream import ConverseStream
from activities.providers.declared_settings import read_settings
from activities.providers.json_fields import field
from activities.providers.tool_names import ToolNames
from activities.runtimes.bedrock_messages import VENDOR, request_body, to_reply
from rota.conversation import ModelReply, ModelRequest
from rota.runtime_specs.base import RuntimeSettings
from rota.runtime_specs.bedrock import BedrockSettings
from rota.runtimes.kind import Probe
from rota.tools import SecretReader


class BedrockRuntime:
    """Implements `rota.conversation.ModelRuntime` for `kind: bedrock`.

    Args:
        resolve_secret: Not used: credentials come from boto3's own chain.
    """

    def __init__(self, resolve_secret: SecretReader) -> None:
        self._clients = AwsClients("bedrock-runtime", VENDOR)

    async def invoke(self, request: ModelRequest) -> ModelReply:
        """Make exactly one call.

        `usage.cost_micros` is left for the caller to fill by price.

        Raises:
            StepError: every failure of the call, classified.

        **Idempotency:** none; a second call is billed again. Cancelled, or out of time, the
        connection is cut, which does not take back what was already made.
        """
        settings = read_settings(BedrockSettings, request.settings)
        names = ToolNames.of(request)
        body = request_body(request, settings, names)
        seconds = settings.timeout.total_seconds()

        def work(client: Any, line: Line) -> tuple[dict[str, Any], str | None]:
            return _streamed(client, body, line) if settings.stream else _whole(client, body)

        try:
            async with asyncio.timeout(seconds):
                answer, request_id = await self._clients.call(
                    settings, seconds, work, what="runtime.model"
                )
        except TimeoutError as error:
            raise classify(error, vendor=VENDOR) from None
        return to_reply(answer, settings, names, request_id)

    async def aclose(self) -> None:
        """Close idle connections; calls in flight end by themselves. Safe to repeat."""
        await self._clients.aclose()

    async def probe(self, settings: RuntimeSettings) -> Probe:
        """Check credentials and the way to Bedrock.

        Not whether the model is open to the account: only a paid call could tell.
        """
        return await self._clients.probe(settings)


def _whole(client: Any, body: dict[str, Any]) -> tuple[dict[str, Any], str | None]:
    answer = operation(client, "converse")(**body)
    return answer, _request_id(answer)


def _streamed(client: Any, body: dict[str, Any], line: Line) -> tuple[dict[str, Any], str | None]:
    response = operation(client, "converse_stream")(**body)
    stream = field(response, "stream", object, VENDOR)
    line.hold(stream)
    assembler = ConverseStream(VENDOR)
    for event in stream:  # pyright: ignore[reportGeneralTypeIssues, reportUnknownVariableType]
        assembler.add(event)  # pyright: ignore[reportUnknownArgumentType]
    message = assembler.finish()
    answer: dict[str, Any] = {
        "output": {"message": {"role": message.role, "content": message.content}},
        "stopReason": message.stop,
        "usage": assembler.usages[-1],
        "trace": assembler.trace,
    }
    return answer, _request_id(response)


def _request_id(response: dict[str, Any]) -> str | None:
    return response.get("ResponseMetadata", {}).get("RequestId")
