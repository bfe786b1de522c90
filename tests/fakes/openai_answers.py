"""What the fake chat completions server may answer, and the exact bytes it does it with.

Source: platform.openai.com, Chat Completions and its streaming.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

CHUNK = 12
"""Characters per delta: small, so that every answer arrives in several pieces."""

DONE = b"data: [DONE]\n\n"


@dataclass(frozen=True)
class Cut:
    """Stops an answer after so many events of its stream (0: before the first byte)."""

    after: int
    how: Literal["eof", "drop", "reset", "silence"] = "eof"
    """`eof` ends the body properly, `drop` closes the socket in the middle of it, `reset`
    aborts the connection, `silence` sends nothing more until the fake is released."""


@dataclass(frozen=True)
class StreamError:
    """An error event inside a stream whose status was 200."""

    after: int
    error: dict[str, Any] = field(
        default_factory=lambda: {"message": "Overloaded", "type": "overloaded_error"}
    )


@dataclass(frozen=True)
class Answer:
    """A message of the model."""

    content: str | None
    calls: tuple[dict[str, Any], ...] = ()
    finish: str | None = "stop"
    usage: dict[str, Any] | None = field(default_factory=dict[str, Any])
    """Counts that replace the estimated ones; None: the server tells none."""
    more: dict[str, Any] = field(default_factory=dict[str, Any])
    """Further fields of the message: `refusal`, `reasoning_content`."""
    headers: dict[str, str] = field(default_factory=dict[str, str])
    fault: Cut | StreamError | None = None
    first_byte_after: float = 0.0
    """Seconds of silence before the answer starts."""
    between_events: float = 0.0
    """Seconds of silence before every further event."""
    done: bool = True
    """Whether a stream ends with `[DONE]`."""
    indexed: bool = True
    """Whether a stream's parts of tool calls say which call they belong to."""


@dataclass(frozen=True)
class Failure:
    """An error status."""

    status: int
    code: str | None = None
    message: str = "The server had an error while processing your request."
    type: str = "server_error"
    headers: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def body(self) -> dict[str, Any]:
        error = {"message": self.message, "type": self.type, "param": None, "code": self.code}
        return {"error": error}


@dataclass(frozen=True)
class Raw:
    """Any success, sent as it is."""

    body: str = "<html><body>Welcome to the hotel's network</body></html>"
    content_type: str = "text/html"


@dataclass(frozen=True)
class Hang:
    """No byte until the fake is released, then the socket closes."""


Response = Answer | Failure | Raw | Hang


def completion(answer: Answer, request: dict[str, Any], completion_id: str) -> dict[str, Any]:
    """Build the whole completion, as an answer without streaming carries it."""
    message: dict[str, Any] = {"role": "assistant", "content": answer.content, "refusal": None}
    message |= answer.more
    if answer.calls:
        message["tool_calls"] = list(answer.calls)
    prompt = len(json.dumps(request["messages"])) // 4
    said = max(1, len(json.dumps(message)) // 4)
    counts = {
        "prompt_tokens": prompt,
        "completion_tokens": said,
        "total_tokens": prompt + said,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
        **(answer.usage or {}),
    }
    return {
        "id": completion_id,
        "object": "chat.completion",
        "created": 1780000000,
        "model": request["model"],
        "choices": [
            {"index": 0, "message": message, "logprobs": None, "finish_reason": answer.finish}
        ],
        **({"usage": counts} if answer.usage is not None else {}),
        "system_fingerprint": "fp_fake",
    }


def events(answer: Answer, whole: dict[str, Any], with_usage: bool) -> Iterator[bytes]:
    """Yield the completion as the server-sent events the API streams, in its order."""
    choice = whole["choices"][0]
    base = {key: whole[key] for key in ("id", "created", "model", "system_fingerprint")}
    base["object"] = "chat.completion.chunk"
    nothing = {"usage": None} if with_usage else {}

    def chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
        choices = [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]
        return event({**base, "choices": choices, **nothing})

    message = choice["message"]
    yield chunk({"role": "assistant", "content": "", "refusal": None})
    for key, value in message.items():
        if key in ("role", "tool_calls") or value is None:
            continue
        for part in _parts(value) if isinstance(value, str) else [value]:
            yield chunk({key: part})
    for index, call in enumerate(message.get("tool_calls", ())):
        place = {"index": index} if answer.indexed else {}
        function = call["function"]
        opening = {**call, "function": {**function, "arguments": ""}}
        yield chunk({"tool_calls": [{**place, **opening}]})
        for part in _parts(function["arguments"]):
            yield chunk({"tool_calls": [{**place, "function": {"arguments": part}}]})
    yield chunk({}, choice["finish_reason"])
    if with_usage and "usage" in whole:
        yield event({**base, "choices": [], "usage": whole["usage"]})
    if answer.done:
        yield DONE


def event(data: dict[str, Any]) -> bytes:
    """Encode one server-sent event, non-ASCII as it is: U+2028 must not end a line."""
    return b"data: " + json.dumps(data, ensure_ascii=False).encode("utf-8", "replace") + b"\n\n"


def _parts(words: str) -> list[str]:
    return [words[start : start + CHUNK] for start in range(0, len(words), CHUNK)]
