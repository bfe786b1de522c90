"""Translates between Rota's conversation and the Converse API, both ways, without I/O.

Converse is stricter than a conversation: roles alternate, every call is answered in the next
message, tools must be declared as soon as a call stands in the history. Those rules are met
here, so a transcript recorded with another provider can be continued on this one.

Source: boto3 1.44, bedrock-runtime Converse.
"""

from typing import Any

from activities.providers.converse_blocks import from_wire, to_wire
from activities.providers.json_fields import field, optional_field
from activities.providers.tool_names import ToolNames
from rota.conversation import Message, ModelReply, ModelRequest, StopReason, Text
from rota.failures import FailureCategory, StepError
from rota.runtime_specs.bedrock import BedrockSettings
from rota.usage import Usage

PROVIDER = "bedrock"
VENDOR = "Bedrock"

_CACHE_POINT = {"cachePoint": {"type": "default"}}

_STOP_REASONS = {
    "end_turn": StopReason.END_TURN,
    "stop_sequence": StopReason.END_TURN,
    "tool_use": StopReason.TOOL_CALLS,
    "max_tokens": StopReason.MAX_TOKENS,
    "guardrail_intervened": StopReason.REFUSED,
    "content_filtered": StopReason.REFUSED,
    "model_context_window_exceeded": StopReason.CONTEXT_OVERFLOW,
}
_MALFORMED = ("malformed_model_output", "malformed_tool_use")
"""The model wrote what Bedrock could not read. Taken as `transient`, not `outcome_invalid`: it
is an accident of sampling that the next attempt rarely repeats, and nothing of it is there to
be mended."""

_REASONS = {
    "guardrail_intervened": "a guardrail intervened",
    "content_filtered": "Bedrock's content filter stopped the answer",
}


def request_body(
    request: ModelRequest, settings: BedrockSettings, names: ToolNames
) -> dict[str, Any]:
    """Build the arguments of `converse` and `converse_stream`, which are the same."""
    body: dict[str, Any] = {
        "modelId": settings.model,
        "messages": to_wire(request.messages, names, PROVIDER),
        "inferenceConfig": {"maxTokens": settings.max_output_tokens},
    }
    if request.system.strip():
        body["system"] = [{"text": request.system}]
    if tools := _tools(request, names):
        body["toolConfig"] = {"tools": tools}
    if settings.effort is not None:
        body["outputConfig"] = {"effort": settings.effort}
    if settings.extra:
        body["additionalModelRequestFields"] = settings.extra
    if settings.guardrail is not None:
        body["guardrailConfig"] = {
            "guardrailIdentifier": settings.guardrail.id,
            "guardrailVersion": settings.guardrail.version,
            # Without the trace nobody learns why.
            "trace": "enabled",
        }
    # Writing the cache costs more than not caching. It pays from the second turn on, and
    # without tools there rarely is one.
    if settings.cache and (request.tools or request.turn > 1):
        _mark_cache_points(body)
    return body


def _tools(request: ModelRequest, names: ToolNames) -> list[dict[str, Any]]:
    if request.tools:
        return [
            _tool(names.to_wire(tool.name), tool.description, tool.parameters)
            for tool in request.tools
        ]
    # A history with calls needs some declaration, even where no tool is left to call.
    called = {call.name for message in request.messages for call in message.tool_calls}
    return [
        _tool(names.to_wire(name), "No longer available.", {"type": "object"})
        for name in sorted(called)
    ]


def _tool(name: str, description: str, parameters: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = {"name": name, "inputSchema": {"json": parameters}}
    if description.strip():
        spec["description"] = description
    return {"toolSpec": spec}


def _mark_cache_points(body: dict[str, Any]) -> None:
    """Set cache points at the ends of what stays the same.

    Tools come before the system prompt, so one point after that covers both; some models
    take none after tools. The last user message makes this turn's prefix readable by the
    next one, the one before it is where this turn reads.
    """
    if "system" in body:
        body["system"].append(_CACHE_POINT)
    elif "toolConfig" in body:
        body["toolConfig"]["tools"].append(_CACHE_POINT)
    user = [message for message in body["messages"] if message["role"] == "user"]
    for message in user[-2:]:
        message["content"].append(_CACHE_POINT)


def to_reply(
    answer: dict[str, Any], settings: BedrockSettings, names: ToolNames, request_id: str | None
) -> ModelReply:
    """Translate a whole answer, as `converse` gives it.

    Raises:
        StepError: `outcome_invalid` if it says nothing and asks for nothing, or is of
            another shape; `transient` if the model wrote what could not be read. All may
            have been billed.
    """
    reason = field(answer, "stopReason", str, VENDOR)
    content = field(answer, "output.message.content", list, VENDOR)
    usage = read_usage(answer)
    stop = _STOP_REASONS.get(reason)
    if stop is None:
        what = "could not be read" if reason in _MALFORMED else "ended in a way Rota knows not"
        raise _failed(FailureCategory.TRANSIENT, f"the model's answer {what}: {reason}", request_id)
    message = Message(role="assistant", content=tuple(from_wire(content, names, PROVIDER)))
    if stop is StopReason.END_TURN and message.tool_calls:
        # A call left unanswered would make the next request invalid.
        stop = StopReason.TOOL_CALLS
    if _says_nothing(message, stop):
        raise _failed(
            FailureCategory.OUTCOME_INVALID,
            f"the model stopped with {reason} but gave no answer and no tool call; "
            "say in the instructions what the answer must hold",
            request_id,
        )
    return ModelReply(
        message=message,
        stop=stop,
        usage=usage,
        model=_model(answer, settings),
        request_id=request_id,
        details=_refusal(answer, reason, message) if stop is StopReason.REFUSED else "",
    )


def read_usage(answer: dict[str, Any]) -> Usage:
    """Read token counts: Converse's `inputTokens` leaves cached ones out, as Rota's does."""
    return Usage(
        input_tokens=field(answer, "usage.inputTokens", int, VENDOR),
        output_tokens=field(answer, "usage.outputTokens", int, VENDOR),
        cache_read_tokens=optional_field(answer, "usage.cacheReadInputTokens", int, VENDOR) or 0,
        cache_write_tokens=optional_field(answer, "usage.cacheWriteInputTokens", int, VENDOR) or 0,
    )


def _model(answer: dict[str, Any], settings: BedrockSettings) -> str:
    """The model that answered: what a prompt router chose, or else what was asked for."""
    routed = optional_field(answer, "trace.promptRouter.invokedModelId", str, VENDOR)
    return routed or settings.priced_model or settings.model


def _refusal(answer: dict[str, Any], reason: str, message: Message) -> str:
    """Why, in one line: the guardrail's own reason, and the words it puts into the answer."""
    told = optional_field(answer, "trace.guardrail.actionReason", str, VENDOR)
    words = " ".join(b.text for b in message.content if isinstance(b, Text))
    return ": ".join(part for part in (_REASONS[reason], told, words) if part)


def _says_nothing(message: Message, stop: StopReason) -> bool:
    if stop is StopReason.END_TURN:
        return not message.text
    return stop is StopReason.TOOL_CALLS and not message.tool_calls


def _failed(category: FailureCategory, text: str, request_id: str | None) -> StepError:
    return StepError(category, text, maybe_billed=True, request_id=request_id)
