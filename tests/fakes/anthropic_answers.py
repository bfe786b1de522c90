"""What the fake Claude API may answer, and the exact bytes it does it with.

Source: platform.claude.com, Messages and Streaming Messages, version 2026-10-21.
"""

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

CHUNK = 24
"""Characters per delta: small, so that every answer arrives in several pieces."""


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
    type: str = "overloaded_error"
    message: str = "Overloaded"


@dataclass(frozen=True)
class Answer:
    """A message of the model, in the API's own blocks."""

    blocks: tuple[dict[str, Any], ...]
    stop: str | None = "end_turn"
    usage: dict[str, int] = field(default_factory=dict)
    """Token counts that replace the estimated ones."""
    fault: Cut | StreamError | None = None
    first_byte_after: float = 0.0
    """Seconds of silence before the answer starts."""
    between_events: float = 0.0
    """Seconds of silence before every further event."""
    broken_arguments: str | None = None
    """Text sent in place of the JSON of every tool call's arguments."""
    refusal: str | None = None
    """Category of a refusal, where the API tells one."""


@dataclass(frozen=True)
class Failure:
    """An error status."""

    status: int
    type: str = "api_error"
    message: str = "Internal server error"
    headers: dict[str, str] = field(default_factory=dict)
    code: str | None = None
    """`error.details.error_code`."""

    @property
    def body(self) -> dict[str, Any]:
        error: dict[str, Any] = {"type": self.type, "message": self.message}
        if self.code:
            error["details"] = {"error_code": self.code}
        return {"type": "error", "error": error}


@dataclass(frozen=True)
class Garbage:
    """A success that is none of this API's."""

    body: str = "<html><body>Welcome to the hotel's network</body></html>"
    content_type: str = "text/html"


@dataclass(frozen=True)
class Hang:
    """No byte until the fake is released, then the socket closes."""


Response = Answer | Failure | Garbage | Hang


def text(words: str) -> dict[str, Any]:
    """Build a text block."""
    return {"type": "text", "text": words}


def thinking(words: str) -> dict[str, Any]:
    """Build a thinking block whose signature the fake will check when it comes back."""
    return {"type": "thinking", "thinking": words, "signature": sign(words)}


def sign(words: str) -> str:
    """Return the only signature the fake accepts for this thinking."""
    return base64.b64encode(hashlib.sha256(b"fake:" + words.encode()).digest()).decode()


def message(answer: Answer, request: dict[str, Any], message_id: str) -> dict[str, Any]:
    """Build the whole message, as an answer without streaming carries it."""
    return {
        "id": message_id,
        "type": "message",
        "role": "assistant",
        "model": request["model"],
        "content": list(answer.blocks),
        "stop_reason": answer.stop,
        "stop_sequence": None,
        "stop_details": {"type": "refusal", "category": answer.refusal, "explanation": None}
        if answer.stop == "refusal"
        else None,
        "usage": {
            "input_tokens": len(json.dumps([request.get("system"), request["messages"]])) // 4,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": max(1, len(json.dumps(answer.blocks)) // 4),
            "service_tier": "standard",
            **answer.usage,
        },
    }


def events(whole: dict[str, Any], broken_arguments: str | None = None) -> Iterator[bytes]:
    """Yield the message as the server-sent events the API streams, in its order."""
    unsaid = {"content": [], "stop_reason": None, "stop_details": None}
    usage = {**whole["usage"], "output_tokens": 1}
    yield event({"type": "message_start", "message": {**whole, **unsaid, "usage": usage}})
    for index, block in enumerate(whole["content"]):
        start, deltas = _taken_apart(block, broken_arguments)
        yield event({"type": "content_block_start", "index": index, "content_block": start})
        if index == 0:
            yield event({"type": "ping"})
        for delta in deltas:
            yield event({"type": "content_block_delta", "index": index, "delta": delta})
        yield event({"type": "content_block_stop", "index": index})
    delta = {key: whole[key] for key in ("stop_reason", "stop_sequence", "stop_details")}
    counts = {key: count for key, count in whole["usage"].items() if key != "service_tier"}
    yield event({"type": "message_delta", "delta": delta, "usage": counts})
    yield event({"type": "message_stop"})


def event(data: dict[str, Any]) -> bytes:
    """Encode one server-sent event."""
    return f"event: {data['type']}\ndata: {json.dumps(data)}\n\n".encode()


def _taken_apart(
    block: dict[str, Any], broken_arguments: str | None
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    match block["type"]:
        case "text":
            deltas = [{"type": "text_delta", "text": part} for part in _parts(block["text"])]
            return {**block, "text": ""}, deltas
        case "thinking":
            parts = _parts(block["thinking"])
            deltas = [{"type": "thinking_delta", "thinking": part} for part in parts]
            deltas.append({"type": "signature_delta", "signature": block["signature"]})
            return {**block, "thinking": "", "signature": ""}, deltas
        case "tool_use":
            arguments = json.dumps(block["input"]) if block["input"] else ""
            parts = ["", *_parts(broken_arguments or arguments)]
            deltas = [{"type": "input_json_delta", "partial_json": part} for part in parts]
            return {**block, "input": {}}, deltas
        case _:
            return block, []


def _parts(words: str) -> list[str]:
    return [words[start : start + CHUNK] for start in range(0, len(words), CHUNK)]
