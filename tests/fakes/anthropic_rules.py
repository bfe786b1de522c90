"""The rules by which the Claude API refuses a request, in its own words.

Stricter than the API nowhere, except that knobs its SDK no longer offers are refused.

Source: platform.claude.com, Messages API, version 2026-10-21, and the messages of the
400 answers people report.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import jsonschema

from tests.fakes.anthropic_answers import sign
from tests.fakes.anthropic_pairing import pairing_problems

MAX_BODY_BYTES = 32 * 1024 * 1024
MAX_BREAKPOINTS = 4
CALL_ID = r"^[a-zA-Z0-9_-]+$"
TOOL_NAME = r"^[a-zA-Z0-9_-]{1,128}$"
EFFORTS = ("low", "medium", "high", "xhigh", "max")

_BODY_KEYS = {
    "cache_control", "container", "diagnostics", "inference_geo", "max_tokens", "messages",
    "metadata", "model", "output_config", "service_tier", "speed", "stop_sequences", "stream",
    "system", "thinking", "tool_choice", "tools",
}  # fmt: skip
_TOOL_KEYS = {
    "name", "description", "input_schema", "cache_control", "strict", "type", "allowed_callers",
    "defer_loading", "eager_input_streaming", "input_examples",
}  # fmt: skip
_BLOCK_KEYS = {
    "text": {"type", "text", "cache_control", "citations"},
    "tool_use": {"type", "id", "name", "input", "cache_control", "caller"},
    "tool_result": {"type", "tool_use_id", "content", "is_error", "cache_control"},
    "thinking": {"type", "thinking", "signature"},
    "redacted_thinking": {"type", "data"},
}
_BLOCK_ROLES = {
    "tool_use": "assistant",
    "thinking": "assistant",
    "redacted_thinking": "assistant",
    "tool_result": "user",
}
EXTRA = "Extra inputs are not permitted"
REQUIRED = "Field required"


def first_problem(body: Any, issued: Callable[[dict[str, Any]], bool]) -> str | None:
    """Return what the API would answer with status 400, or None for a valid request.

    Args:
        body: The parsed JSON.
        issued: Tells whether the fake itself sent this block before: such a block is
            accepted back even if no rule knows it.
    """
    if not isinstance(body, dict):
        return "The request body is not valid JSON"
    try:
        return next(_problems(body, issued), None)
    except (AttributeError, KeyError, TypeError) as error:
        return f"The request is malformed: {error!r}"


def _problems(body: dict[str, Any], issued: Callable[[dict[str, Any]], bool]) -> Iterator[str]:
    for key in sorted(body.keys() - _BODY_KEYS):
        yield f"{key}: {EXTRA}"
    for key in ("model", "max_tokens", "messages"):
        if key not in body:
            yield f"{key}: {REQUIRED}"
    yield from _scalars(body)
    yield from _tools(body.get("tools"))
    yield from _system(body.get("system"))
    messages = body["messages"]
    if not isinstance(messages, list) or not messages:
        yield "messages: at least one message is required"
        return
    yield from _messages(messages, issued)
    yield from pairing_problems(messages)
    blocks = [block for message in messages for block in _blocks(message)]
    if not body.get("tools") and any(b["type"] in ("tool_use", "tool_result") for b in blocks):
        yield "Requests which include `tool_use` or `tool_result` blocks must define tools"
    yield from _breakpoints(body, blocks)


def _scalars(body: dict[str, Any]) -> Iterator[str]:
    if not isinstance(body["model"], str) or not body["model"]:
        yield "model: String should have at least 1 character"
    limit = body["max_tokens"]
    if not isinstance(limit, int) or isinstance(limit, bool):
        yield "max_tokens: Input should be a valid integer"
    elif limit < 1:
        yield "max_tokens: Input should be greater than or equal to 1"
    if not isinstance(body.get("stream", False), bool):
        yield "stream: Input should be a valid boolean"
    effort = (body.get("output_config") or {}).get("effort", "high")
    if effort not in EFFORTS:
        yield f"output_config.effort: Input should be {', '.join(map(repr, EFFORTS))}"
    if "tool_choice" in body and not body.get("tools"):
        yield "tool_choice: tool_choice may only be specified while providing tools"


def _tools(tools: Any) -> Iterator[str]:
    if tools is None:
        return
    if not isinstance(tools, list):
        yield "tools: Input should be a valid list"
        return
    for index, tool in enumerate(tools):
        where = f"tools.{index}.custom"
        for key in sorted(tool.keys() - _TOOL_KEYS):
            yield f"{where}.{key}: {EXTRA}"
        if not re.fullmatch(TOOL_NAME, str(tool.get("name", ""))):
            yield f"{where}.name: String should match pattern '{TOOL_NAME}'"
        yield from _input_schema(tool.get("input_schema"), f"{where}.input_schema")
    names = [tool["name"] for tool in tools]
    if len(set(names)) < len(names):
        yield "tools: Tool names must be unique."


def _input_schema(schema: Any, where: str) -> Iterator[str]:
    if not isinstance(schema, dict):
        yield f"{where}: {REQUIRED}"
    elif schema.get("type") != "object":
        yield f"{where}.type: Input should be 'object'"
    elif schema.keys() & {"oneOf", "allOf", "anyOf"}:
        yield f"{where}: input_schema does not support oneOf, allOf, or anyOf at the top level"
    else:
        try:
            jsonschema.Draft202012Validator.check_schema(schema)
        except jsonschema.SchemaError:
            yield f"{where}: JSON schema is invalid. It must match JSON Schema draft 2020-12"


def _system(system: Any) -> Iterator[str]:
    if system is None or isinstance(system, str):
        return
    for index, block in enumerate(system):
        if block.get("type") != "text":
            yield f"system.{index}.type: Input should be 'text'"
        elif not block.get("text", "").strip():
            yield "system: text content blocks must be non-empty"


def _messages(messages: list[Any], issued: Callable[[dict[str, Any]], bool]) -> Iterator[str]:
    for index, message in enumerate(messages):
        where = f"messages.{index}"
        if not isinstance(message, dict) or message.keys() != {"role", "content"}:
            yield f"{where}: role and content are required, {EXTRA.lower()}"
        if message["role"] not in ("user", "assistant"):
            yield f"{where}.role: Input should be 'user' or 'assistant'"
        if not message["content"]:
            yield f"{where}: all messages must have non-empty content"
        for position, block in enumerate(_blocks(message)):
            # What no rule knows may be a kind of block from the future, if it came from here.
            if block["type"] in _BLOCK_KEYS or not issued(block):
                yield from _block(block, message["role"], f"{where}.content.{position}")
    if messages[0]["role"] != "user":
        yield 'messages: first message must use the "user" role'
    last = messages[-1]
    if last["role"] == "assistant" and not issued({"paused": last["content"]}):
        yield (
            "This model does not support assistant message prefill. "
            "The conversation must end with a user message."
        )


def _block(block: dict[str, Any], role: str, where: str) -> Iterator[str]:
    kind = block.get("type")
    if kind not in _BLOCK_KEYS:
        expected = ", ".join(repr(tag) for tag in sorted(_BLOCK_KEYS))
        yield f"{where}: Input tag {kind!r} does not match any of the expected tags: {expected}"
        return
    for key in sorted(block.keys() - _BLOCK_KEYS[kind]):
        yield f"{where}.{kind}.{key}: {EXTRA}"
    if role != _BLOCK_ROLES.get(kind, role):
        yield f"{where}: `{kind}` blocks can only be in `{_BLOCK_ROLES[kind]}` messages"
    match kind:
        case "text" if not block.get("text"):
            yield "messages: text content blocks must be non-empty"
        case "text" if not block["text"].strip():
            yield "messages: text content blocks must contain non-whitespace text"
        case "tool_use":
            yield from _tool_use(block, where)
        case "tool_result" if not isinstance(block.get("content", ""), str | list):
            yield f"{where}.tool_result.content: Input should be a valid string"
        case "thinking" if block.get("signature") != sign(block.get("thinking", "")):
            yield f"{where}: Invalid `signature` in `thinking` block"
        case _:
            pass


def _tool_use(block: dict[str, Any], where: str) -> Iterator[str]:
    if not re.fullmatch(CALL_ID, str(block.get("id", ""))):
        yield f"{where}.tool_use.id: String should match pattern '{CALL_ID}'"
    if not re.fullmatch(TOOL_NAME, str(block.get("name", ""))):
        yield f"{where}.tool_use.name: String should match pattern '{TOOL_NAME}'"
    if not isinstance(block.get("input"), dict):
        yield f"{where}.tool_use.input: Input should be a valid dictionary"


def _breakpoints(body: dict[str, Any], blocks: list[dict[str, Any]]) -> Iterator[str]:
    system = body.get("system")
    carriers = [*(body.get("tools") or []), *(system if isinstance(system, list) else []), *blocks]
    marks = [c["cache_control"] for c in carriers if c.get("cache_control") is not None]
    for mark in marks:
        if mark.get("type") != "ephemeral" or mark.get("ttl", "5m") not in ("5m", "1h"):
            yield f"cache_control: invalid {json.dumps(mark)}"
    if len(marks) > MAX_BREAKPOINTS:
        yield (
            f"A maximum of {MAX_BREAKPOINTS} blocks with cache_control may be provided. "
            f"Found {len(marks)}."
        )


def _blocks(message: dict[str, Any]) -> list[dict[str, Any]]:
    content = message["content"]
    return [{"type": "text", "text": content}] if isinstance(content, str) else content
