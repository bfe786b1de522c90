"""The rules by which OpenAI refuses a chat completions request, close to its own words.

Source: platform.openai.com, Chat Completions, and the messages of the 400 answers people
report.
"""

import re
from collections.abc import Iterator
from typing import Any

import jsonschema

_BODY_KEYS = {
    "frequency_penalty", "logit_bias", "max_completion_tokens", "max_tokens", "messages",
    "metadata", "model", "n", "parallel_tool_calls", "presence_penalty", "prompt_cache_key",
    "reasoning_effort", "response_format", "seed", "service_tier", "stop", "store", "stream",
    "stream_options", "temperature", "tool_choice", "tools", "top_p", "user", "verbosity",
}  # fmt: skip
_MESSAGE_KEYS = {
    "system": {"role", "content", "name"},
    "user": {"role", "content", "name"},
    "assistant": {"role", "content", "name", "refusal", "tool_calls"},
    "tool": {"role", "content", "tool_call_id"},
}
_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_LONGEST_ID = 40


def first_problem(body: Any, own: set[str]) -> str | None:
    """Return what the server would answer with status 400, or None for a valid request.

    Args:
        body: The parsed JSON.
        own: Keys beyond OpenAI's that this server knows, in the body and in messages.
    """
    if not isinstance(body, dict):
        return "We could not parse the JSON body of your request."
    try:
        return next(_problems(body, own), None)
    except (AttributeError, KeyError, TypeError) as error:
        return f"The request is malformed: {error!r}"


def _problems(body: dict[str, Any], own: set[str]) -> Iterator[str]:
    for key in sorted(body.keys() - _BODY_KEYS - own):
        yield f"Unrecognized request argument supplied: {key}"
    if not isinstance(body.get("model"), str) or not body["model"]:
        yield "you must provide a model parameter"
    if not body.get("messages"):
        yield "Invalid 'messages': empty array. Expected an array with minimum length 1."
    if "max_tokens" in body and "max_completion_tokens" in body:
        yield "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported."
    if "stream_options" in body and not body.get("stream"):
        yield "The 'stream_options' parameter is only allowed when 'stream' is enabled."
    yield from _tools(body.get("tools"))
    for index, message in enumerate(body["messages"]):
        yield from _message(index, message, own)
    yield from _pairing(body["messages"])


def _tools(tools: Any) -> Iterator[str]:
    if tools is None:
        return
    if not tools:
        yield "Invalid 'tools': empty array. Expected an array with minimum length 1."
    names = [tool["function"]["name"] for tool in tools]
    if len(set(names)) < len(names):
        yield "Invalid 'tools': function names must be unique."
    for index, tool in enumerate(tools):
        if tool.keys() != {"type", "function"} or tool["type"] != "function":
            yield f"Invalid 'tools[{index}]'"
        function = tool["function"]
        if not _TOOL_NAME.fullmatch(function["name"]):
            yield (
                f"Invalid 'tools[{index}].function.name': string does not match pattern. "
                "Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'."
            )
        schema = function["parameters"]
        if schema.get("type") != "object":
            yield f"Invalid schema for function '{function['name']}': schema must be an object"
        jsonschema.Draft202012Validator.check_schema(schema)


def _message(index: int, message: dict[str, Any], own: set[str]) -> Iterator[str]:
    role = message["role"]
    if role not in _MESSAGE_KEYS:
        yield f"Invalid value: '{role}'. Supported values are: 'system', 'assistant', 'user'..."
        return
    for key in sorted(message.keys() - _MESSAGE_KEYS[role] - own):
        yield f"Unrecognized request argument supplied: messages[{index}].{key}"
    content = message.get("content")
    calls = message.get("tool_calls")
    if content is None and not (role == "assistant" and calls):
        yield f"Invalid value for 'content': expected a string, got null. (messages[{index}])"
    if content is not None and not isinstance(content, str):
        yield f"Invalid type for 'messages[{index}].content'"
    if calls is not None and not calls:
        yield f"Invalid 'messages[{index}].tool_calls': empty array."
    for call in calls or ():
        yield from _call(f"messages[{index}].tool_calls[]", call)


def _call(where: str, call: dict[str, Any]) -> Iterator[str]:
    if call.keys() != {"id", "type", "function"} or call["type"] != "function":
        yield f"Invalid '{where}'"
    function = call["function"]
    if function.keys() != {"name", "arguments"} or not isinstance(function["arguments"], str):
        yield f"Invalid '{where}.function'"
    if not _TOOL_NAME.fullmatch(function["name"]):
        yield f"Invalid '{where}.function.name'"
    if not 0 < len(call["id"]) <= _LONGEST_ID or not call["id"].isascii():
        yield f"Invalid '{where}.id': string too long."


def _pairing(messages: list[dict[str, Any]]) -> Iterator[str]:
    """Every tool call is answered at once, and only once."""
    open_calls: list[str] = []
    for index, message in enumerate(messages):
        if message["role"] == "tool":
            call_id = message["tool_call_id"]
            if call_id not in open_calls:
                yield (
                    "Invalid parameter: messages with role 'tool' must be a response to a "
                    f"preceeding message with 'tool_calls'. (messages[{index}])"
                )
                return
            open_calls.remove(call_id)
            continue
        if open_calls:
            break
        open_calls = [call["id"] for call in message.get("tool_calls") or ()]
    if open_calls:
        yield (
            "An assistant message with 'tool_calls' must be followed by tool messages "
            "responding to each 'tool_call_id'. The following tool_call_ids did not have "
            f"response messages: {', '.join(open_calls)}"
        )
