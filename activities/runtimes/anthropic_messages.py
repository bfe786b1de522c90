"""Translates between Rota's conversation and the Messages API, both ways, without I/O.

The API is stricter than a conversation: tool names have a small alphabet, results of
tool calls come before anything else, blank text is refused. Those rules are met here,
so a transcript recorded with another provider can be continued on this one.

Source: platform.claude.com, Messages API, version 2026-10-21.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, cast

from activities.providers.tool_names import ToolNames
from rota.conversation import (
    Block,
    Message,
    ModelReply,
    ModelRequest,
    Opaque,
    StopReason,
    Text,
    ToolCall,
    ToolResult,
)
from rota.failures import FailureCategory, StepError
from rota.model import digest_of
from rota.runtime_specs.anthropic import AnthropicSettings
from rota.usage import Usage

PROVIDER = "anthropic"

LONGEST_NAME = 128
"""Characters of a tool's name."""

_CALL_ID = re.compile(r"[a-zA-Z0-9_-]+")
_CACHE = {"type": "ephemeral"}

_STOP_REASONS = {
    "end_turn": StopReason.END_TURN,
    "stop_sequence": StopReason.END_TURN,
    "tool_use": StopReason.TOOL_CALLS,
    "pause_turn": StopReason.PAUSED,
    "max_tokens": StopReason.MAX_TOKENS,
    "refusal": StopReason.REFUSED,
    "model_context_window_exceeded": StopReason.CONTEXT_OVERFLOW,
}


def request_body(
    request: ModelRequest, settings: AnthropicSettings, names: ToolNames
) -> dict[str, Any]:
    """Build the arguments of `messages.create`, prompt caching included."""
    body: dict[str, Any] = {
        "model": settings.model,
        "max_tokens": settings.max_output_tokens,
        "messages": _messages(request.messages, names),
    }
    if request.system.strip():
        body["system"] = [{"type": "text", "text": request.system}]
    if request.tools:
        body["tools"] = [
            {
                "name": names.to_wire(tool.name),
                "description": tool.description,
                "input_schema": tool.parameters,
            }
            for tool in request.tools
        ]
    if settings.effort is not None:
        body["output_config"] = {"effort": settings.effort}
    # Writing the cache costs a quarter more than not caching. It pays from the second turn
    # on, and without tools or a conversation that goes on there rarely is one.
    if request.tools or any(message.role == "assistant" for message in request.messages):
        _mark_cache_breakpoints(body)
    return body


def _messages(messages: Iterable[Message], names: ToolNames) -> list[dict[str, Any]]:
    translated: list[dict[str, Any]] = []
    for message in messages:
        # The API wants all results before any text; sorting is stable otherwise.
        blocks = sorted(message.content, key=lambda block: not isinstance(block, ToolResult))
        content = [wire for block in blocks if (wire := _to_wire(block, names)) is not None]
        if content:
            translated.append({"role": message.role, "content": content})
    return translated


def _to_wire(block: Block, names: ToolNames) -> dict[str, Any] | None:
    match block:
        case Text():
            return {"type": "text", "text": block.text} if block.text.strip() else None
        case ToolCall():
            name, call_id = names.to_wire(block.name), _call_id(block.id)
            return {"type": "tool_use", "id": call_id, "name": name, "input": block.args}
        case ToolResult():
            wire: dict[str, Any] = {
                "type": "tool_result",
                "tool_use_id": _call_id(block.call_id),
                "content": block.content,
            }
            return wire | {"is_error": True} if block.is_error else wire
        case Opaque():
            # Another provider's thinking means nothing here, and would be refused.
            return dict(block.data) if block.provider == PROVIDER else None


def _call_id(call_id: str) -> str:
    """Keep the provider's own ids; give other providers' odd ones a legal form."""
    return call_id if _CALL_ID.fullmatch(call_id) else f"toolu_{digest_of(call_id.encode())[:24]}"


def _mark_cache_breakpoints(body: dict[str, Any]) -> None:
    """Set the four breakpoints the API allows.

    Tools and system prompt stay the same over a run. The last user message makes this
    turn's prefix readable by the next one; the one before it is marked too because the
    API looks back 20 blocks only, fewer than a turn with many parallel calls adds.
    """
    user = [message for message in body["messages"] if message["role"] == "user"]
    content = [message["content"] for message in user[-2:]]
    for blocks in (body.get("tools"), body.get("system"), *content):
        if blocks:
            blocks[-1] = blocks[-1] | {"cache_control": _CACHE}


def to_reply(message: Mapping[str, Any], names: ToolNames, request_id: str | None) -> ModelReply:
    """Translate a whole message of the API.

    Raises:
        StepError: `transient` if it is not a message of this API, `outcome_invalid` if
            it says nothing and asks for nothing. Both may have been billed.
    """
    stop = _STOP_REASONS.get(message.get("stop_reason") or "")
    usage, model = _usage(message.get("usage")), message.get("model")
    if stop is None or usage is None or not isinstance(model, str):
        raise StepError(
            FailureCategory.TRANSIENT,
            f"Anthropic's answer is cut or not a message: stop reason "
            f"{message.get('stop_reason')!r}, model {model!r}",
            maybe_billed=True,
            request_id=request_id,
        )
    content = tuple(
        block for wire in message["content"] if (block := _from_wire(wire, names)) is not None
    )
    reply = Message(role="assistant", content=content)
    if stop is StopReason.END_TURN and reply.tool_calls:
        # Seen from gateways. A call left unanswered would make the next request invalid.
        stop = StopReason.TOOL_CALLS
    if _says_nothing(reply, stop):
        raise StepError(
            FailureCategory.OUTCOME_INVALID,
            f"the model stopped with {message['stop_reason']} but gave no answer "
            "and no tool call; say in the instructions what the answer must hold",
            maybe_billed=True,
            request_id=request_id,
        )
    return ModelReply(
        message=reply,
        stop=stop,
        usage=usage,
        model=model,
        request_id=request_id,
        details=_stop_details(message),
    )


def _stop_details(message: Mapping[str, Any]) -> str:
    """Of a refusal: its category, and why, where the API says so."""
    details = message.get("stop_details")
    if not isinstance(details, dict):
        return ""
    told = cast("dict[str, Any]", details)
    return ": ".join(str(told[key]) for key in ("category", "explanation") if told.get(key))


def _says_nothing(reply: Message, stop: StopReason) -> bool:
    match stop:
        case StopReason.END_TURN:
            return not reply.text
        case StopReason.TOOL_CALLS:
            return not reply.tool_calls
        case StopReason.PAUSED:
            return not reply.content
        case _:
            return False


def _from_wire(wire: dict[str, Any], names: ToolNames) -> Block | None:
    match wire.get("type"):
        case "text":
            return Text(text=wire["text"]) if wire["text"].strip() else None
        case "tool_use":
            return ToolCall(id=wire["id"], name=names.from_wire(wire["name"]), args=wire["input"])
        case _:
            return Opaque(provider=PROVIDER, data=wire)


def _usage(wire: Any) -> Usage | None:
    """Map token counts: the API's `input_tokens` leaves cached ones out, as Rota's does."""
    if not isinstance(wire, dict):
        return None
    counts = cast("dict[str, Any]", wire)
    if not isinstance(counts.get("input_tokens"), int):
        return None
    return Usage(
        input_tokens=counts["input_tokens"],
        output_tokens=counts.get("output_tokens") or 0,
        cache_read_tokens=counts.get("cache_read_input_tokens") or 0,
        cache_write_tokens=counts.get("cache_creation_input_tokens") or 0,
    )
