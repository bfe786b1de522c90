"""Words of a conversation in the form that OpenTelemetry's GenAI conventions give them. Pure."""

import json
from collections.abc import Sequence
from typing import Any

from rota.conversation import Block, Message, Text, ToolCall, ToolResult

TEXT_LIMIT = 10_000
"""Characters kept of one text: what reads traces is no store of documents."""


def instructions(system: str) -> str:
    """The value of `gen_ai.system_instructions`."""
    return _json([{"type": "text", "content": cut(system)}])


def messages(said: Sequence[Message]) -> str:
    """The value of `gen_ai.input.messages`."""
    return _json([_message(each) for each in said])


def answer(said: Message, finish_reason: str) -> str:
    """The value of `gen_ai.output.messages`: one answer, and why it ends there."""
    return _json([{**_message(said), "finish_reason": finish_reason}])


def cut(text: str) -> str:
    """Shorten a text that is too long, and say so."""
    left_out = len(text) - TEXT_LIMIT
    return f"{text[:TEXT_LIMIT]}… ({left_out} characters left out)" if left_out > 0 else text


def _message(said: Message) -> dict[str, Any]:
    return {"role": _role(said), "parts": _parts(said)}


def _role(message: Message) -> str:
    """Results of tools travel as the user's words with most providers; here as the tools'."""
    results = [isinstance(block, ToolResult) for block in message.content]
    return "tool" if results and all(results) else message.role


def _parts(message: Message) -> list[dict[str, Any]]:
    return [part for block in message.content if (part := _part(block)) is not None]


def _part(block: Block) -> dict[str, Any] | None:
    if isinstance(block, Text):
        return {"type": "text", "content": cut(block.text)}
    if isinstance(block, ToolCall):
        whole = {"type": "tool_call", "id": block.id, "name": block.name}
        return {**whole, "arguments": cut(_json(block.args))}
    if isinstance(block, ToolResult):
        return {"type": "tool_call_response", "id": block.call_id, "response": cut(block.content)}
    return None  # a provider's own, which nobody else can read


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
