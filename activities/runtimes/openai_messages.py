"""Translates between Rota's conversation and chat completions, both ways, without I/O.

Source: platform.openai.com, Chat Completions; docs.litellm.ai; openrouter.ai, API
reference; docs.vllm.ai, OpenAI-compatible server.
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, cast

from activities.providers.json_fields import field, optional_field
from activities.providers.model_text import read_arguments, whole_text
from activities.providers.reported_cost import reported_micros
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
from rota.runtime_specs.openai import OpenAISettings
from rota.usage import Usage

PROVIDER = "openai"
VENDOR = "the chat completions server"

_CALL_ID = re.compile(r"[\x21-\x7e]+")

_STOP_REASONS = {
    "stop": StopReason.END_TURN,
    "length": StopReason.MAX_TOKENS,
    "tool_calls": StopReason.TOOL_CALLS,
    "function_call": StopReason.TOOL_CALLS,
    "content_filter": StopReason.REFUSED,
}


def request_body(
    request: ModelRequest, settings: OpenAISettings, names: ToolNames
) -> dict[str, Any]:
    """Build the body of `POST /chat/completions`."""
    body: dict[str, Any] = {
        **settings.extra,
        "model": settings.model,
        "messages": [
            *_system(request.system),
            *(wire for message in request.messages for wire in _to_wire(message, settings, names)),
        ],
        settings.max_tokens_parameter: settings.max_output_tokens,
    }
    if request.tools:
        body["tools"] = [
            {
                "type": "function",
                "function": {
                    "name": names.to_wire(tool.name),
                    "description": tool.description,
                    "parameters": tool.parameters,
                },
            }
            for tool in request.tools
        ]
    if settings.effort is not None:
        body["reasoning_effort"] = settings.effort
    if settings.temperature is not None:
        body["temperature"] = settings.temperature
    if settings.stream:
        # Without being asked, servers stream no token counts.
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return body


def _system(text: str) -> list[dict[str, Any]]:
    return [{"role": "system", "content": text}] if text.strip() else []


def _to_wire(
    message: Message, settings: OpenAISettings, names: ToolNames
) -> Iterable[dict[str, Any]]:
    """One message of ours may be several here: each tool result is one of its own."""
    words = "\n\n".join(
        block.text for block in message.content if isinstance(block, Text) and block.text.strip()
    )
    if message.role == "user":
        for block in message.content:
            if isinstance(block, ToolResult):
                yield _result(block)
        if words:
            yield {"role": "user", "content": words}
        return
    wire: dict[str, Any] = {"role": "assistant", "content": words or None}
    for block in message.content:
        if isinstance(block, Opaque) and block.provider == PROVIDER:
            wire |= {key: value for key, value in block.data.items() if key in settings.resend}
    if message.tool_calls:
        wire["tool_calls"] = [
            {
                "id": _call_id(call.id),
                "type": "function",
                "function": {
                    "name": names.to_wire(call.name),
                    "arguments": json.dumps(call.args, ensure_ascii=False),
                },
            }
            for call in message.tool_calls
        ]
    if words or message.tool_calls:
        yield wire


def _result(block: ToolResult) -> dict[str, Any]:
    # The protocol has no flag for errors: the words have to tell.
    content = f"Error: {block.content}" if block.is_error else block.content
    return {"role": "tool", "tool_call_id": _call_id(block.call_id), "content": content}


def _call_id(call_id: str) -> str:
    """Keep ids as they are, since some servers hide state in them; make odd ones legal."""
    return call_id if _CALL_ID.fullmatch(call_id) else f"call_{digest_of(call_id.encode())[:24]}"


def to_reply(
    completion: Mapping[str, Any],
    names: ToolNames,
    headers: Mapping[str, str],
    *,
    resend: tuple[str, ...] = (),
) -> ModelReply:
    """Translate a whole completion.

    Args:
        completion: The answer's JSON, or what a stream came to.
        names: Of the request's tools.
        headers: Of the answer; gateways tell there what it cost.
        resend: Fields of the message to be kept for the next request.

    Raises:
        StepError: `outcome_invalid` if a field is missing or of another type, or if it
            says nothing and asks for nothing; `transient` if it stopped for no reason we
            know. All may have been billed.
    """
    told = field(completion, "choices.0.finish_reason", str, VENDOR)
    message = field(completion, "choices.0.message", dict, VENDOR)
    usage = usage_of(completion)
    stop = _STOP_REASONS.get(told)
    if stop is None:
        raise StepError(
            FailureCategory.TRANSIENT,
            f"{VENDOR}'s answer stopped with '{told}', which is no whole answer",
            maybe_billed=True,
        )
    refusal = optional_field(message, "refusal", str, VENDOR) or ""
    content = tuple(_blocks(message, refusal, names, resend))
    reply = Message(role="assistant", content=content)
    if refusal:
        stop = StopReason.REFUSED
    elif stop is StopReason.END_TURN and reply.tool_calls:
        # Servers say so when a tool was forced, and some always.
        stop = StopReason.TOOL_CALLS
    if _says_nothing(reply, stop):
        raise StepError(
            FailureCategory.OUTCOME_INVALID,
            f"the model stopped with {told} but gave no answer and no tool call; "
            "say in the instructions what the answer must hold",
            maybe_billed=True,
        )
    return ModelReply(
        message=reply,
        stop=stop,
        usage=usage,
        model=field(completion, "model", str, VENDOR),
        request_id=headers.get("x-request-id") or headers.get("x-litellm-call-id"),
        reported_micros=_reported(completion, headers),
        details=refusal or (told if stop is StopReason.REFUSED else ""),
    )


def _says_nothing(reply: Message, stop: StopReason) -> bool:
    if stop is StopReason.TOOL_CALLS:
        return not reply.tool_calls
    return stop is StopReason.END_TURN and not reply.text


def _blocks(
    message: dict[str, Any], refusal: str, names: ToolNames, resend: tuple[str, ...]
) -> Iterable[Block]:
    kept = {key: whole_text(message[key]) for key in resend if message.get(key)}
    if kept:
        yield Opaque(provider=PROVIDER, data=kept)
    words = optional_field(message, "content", str, VENDOR) or refusal
    if words.strip():
        yield Text(text=whole_text(words))
    calls = optional_field(message, "tool_calls", list, VENDOR) or []
    for index, call in enumerate(calls):
        name = field(call, "function.name", str, VENDOR)
        # Some servers give no id: within one answer the place is enough to tell calls apart.
        call_id = optional_field(call, "id", str, VENDOR) or f"call_{index}"
        arguments = optional_field(call, "function.arguments", str, VENDOR) or ""
        yield ToolCall(id=call_id, name=names.from_wire(name), args=read_arguments(arguments))


def usage_of(completion: Mapping[str, Any]) -> Usage:
    """Map token counts: here `prompt_tokens` has the cached ones in it, Rota's has not.

    Raises:
        StepError: `outcome_invalid`: there are none, and no run goes uncounted.
    """
    if completion.get("usage") is None:
        raise StepError(
            FailureCategory.OUTCOME_INVALID,
            f"{VENDOR}'s answer has no usage, so tokens cannot be counted; if it knows no "
            "stream_options.include_usage, set runtime.stream to false",
            maybe_billed=True,
        )
    prompt = field(completion, "usage.prompt_tokens", int, VENDOR)
    read = optional_field(completion, "usage.prompt_tokens_details.cached_tokens", int, VENDOR)
    written = next(
        (
            found
            for path in (
                "usage.prompt_tokens_details.cache_write_tokens",
                "usage.cache_creation_input_tokens",
            )
            if (found := optional_field(completion, path, int, VENDOR))
        ),
        0,
    )
    return Usage(
        input_tokens=max(0, prompt - (read or 0) - written),
        output_tokens=field(completion, "usage.completion_tokens", int, VENDOR),
        cache_read_tokens=read or 0,
        cache_write_tokens=written,
    )


def _reported(completion: Mapping[str, Any], headers: Mapping[str, str]) -> int | None:
    # LiteLLM's header is 0 for what it has no price for, and while it streams.
    header = reported_micros(headers.get("x-litellm-response-cost"))
    if header:
        return header
    usage = cast("dict[str, Any]", completion["usage"])
    return reported_micros(usage.get("cost"))
