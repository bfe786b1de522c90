"""AWS's event-stream frames, written by hand from their specification."""

import json
import struct
import zlib
from typing import Any


def event(kind: str, payload: dict[str, Any]) -> bytes:
    """One event of a stream."""
    return frame(
        json.dumps(payload).encode(),
        message_type="event",
        event_type=kind,
        content_type="application/json",
    )


def exception(kind: str, message: str, **more: Any) -> bytes:
    """A failure inside a stream; its kind in lower camel case, as AWS writes it there."""
    return frame(
        json.dumps({"message": message, **more}).encode(),
        message_type="exception",
        exception_type=kind,
        content_type="application/json",
    )


def frame(payload: bytes, **headers: str) -> bytes:
    """Length, headers, payload, and a checksum over each part."""
    packed = b"".join(_header(name, value) for name, value in headers.items())
    prelude = struct.pack("!II", 16 + len(packed) + len(payload), len(packed))
    prelude += struct.pack("!I", zlib.crc32(prelude))
    body = prelude + packed + payload
    return body + struct.pack("!I", zlib.crc32(body))


def _header(name: str, value: str) -> bytes:
    label, text = f":{name.replace('_', '-')}".encode(), value.encode()
    return struct.pack("!B", len(label)) + label + b"\x07" + struct.pack("!H", len(text)) + text
