"""Translates single blocks between Rota's conversation and Converse's, both ways. Pure.

For Converse itself and for AgentCore's harness, whose blocks are the same. Bytes, which a
transcript has no form for, travel through it as base64.
"""

import base64
import re
from collections.abc import Iterable
from typing import Any

from activities.providers.model_text import INVALID_JSON
from activities.providers.tool_names import ToolNames
from rota.conversation import Block, Message, Opaque, Text, ToolCall, ToolResult
from rota.model import canonical_json, digest_of

NOTHING = "(nothing)"
"""Stands for a tool's empty result: blank text is refused."""

_CALL_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_BASE64 = "base64"


def to_wire(messages: Iterable[Message], names: ToolNames, provider: str) -> list[dict[str, Any]]:
    """Translate messages; neighbours of one role become one, since roles must alternate.

    Args:
        messages: In order. Blocks of other providers than `provider` are left out, and so are
            messages of which nothing is left.
        names: Of all tools in them.
        provider: Whose opaque blocks are sent back.
    """
    wire: list[dict[str, Any]] = []
    for message in messages:
        content = [
            block
            for said in message.content
            if (block := _block_to_wire(said, names, provider)) is not None
        ]
        if not content:
            continue
        if wire and wire[-1]["role"] == message.role:
            wire[-1]["content"].extend(content)
        else:
            wire.append({"role": message.role, "content": content})
    for message in wire:
        # Results come before anything else: they answer the message before.
        message["content"].sort(key=_is_no_result)
    return wire


def from_wire(content: Iterable[dict[str, Any]], names: ToolNames, provider: str) -> list[Block]:
    """Translate the blocks of an answer; those that nobody here can use are left out."""
    blocks = (_block_from_wire(block, names, provider) for block in content)
    return [block for block in blocks if block is not None]


def _is_no_result(block: dict[str, Any]) -> bool:
    return "toolResult" not in block


def _block_to_wire(block: Block, names: ToolNames, provider: str) -> dict[str, Any] | None:
    match block:
        case Text():
            return {"text": block.text} if block.text.strip() else None
        case ToolCall():
            call = {
                "toolUseId": _call_id(block.id),
                "name": names.to_wire(block.name),
                "input": block.args,
            }
            return {"toolUse": call}
        case ToolResult():
            result: dict[str, Any] = {
                "toolUseId": _call_id(block.call_id),
                "content": [{"text": block.content if block.content.strip() else NOTHING}],
            }
            # Not every model knows the status; of those that do not, errors are rare.
            return {"toolResult": result | {"status": "error"} if block.is_error else result}
        case Opaque():
            # Another provider's reasoning means nothing here, and would be refused.
            return _with_bytes(block.data) if block.provider == provider else None


def _block_from_wire(wire: dict[str, Any], names: ToolNames, provider: str) -> Block | None:
    if "text" in wire:
        return Text(text=wire["text"]) if wire["text"].strip() else None
    if "toolUse" in wire:
        call = wire["toolUse"]
        if call.get("type") not in (None, "tool_use"):
            # The provider's own tool, which it has executed already.
            return None
        return ToolCall(
            id=call["toolUseId"],
            name=names.from_wire(call["name"]),
            args=_arguments(call["input"]),
        )
    if "reasoningContent" in wire:
        return Opaque(provider=provider, data=_without_bytes(wire))
    return None


def _arguments(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {INVALID_JSON: canonical_json(value).decode()}  # pyright: ignore[reportUnknownVariableType]


def _call_id(call_id: str) -> str:
    """Keep the provider's own ids; give other providers' odd ones a legal form."""
    if _CALL_ID.fullmatch(call_id):
        return call_id
    return f"tooluse_{digest_of(call_id.encode())[:24]}"


def _without_bytes(value: Any) -> Any:
    if isinstance(value, bytes):
        return {_BASE64: base64.b64encode(value).decode()}
    if isinstance(value, dict):
        return {key: _without_bytes(item) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType]
    return value


def _with_bytes(value: Any) -> Any:
    if isinstance(value, dict):
        if set(value) == {_BASE64}:  # pyright: ignore[reportUnknownArgumentType]
            return base64.b64decode(value[_BASE64])  # pyright: ignore[reportUnknownArgumentType]
        return {key: _with_bytes(item) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType]
    return value
