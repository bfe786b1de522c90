"""Puts the fake Claude API's answers on the wire, faults included."""

import asyncio
import json
from typing import Any

from tests.fakes.anthropic_answers import (
    Answer,
    Cut,
    Failure,
    Garbage,
    Hang,
    Response,
    StreamError,
    event,
    events,
    message,
)
from tests.fakes.loopback_http import Connection


async def deliver(
    response: Response,
    request: dict[str, Any],
    connection: Connection,
    *,
    number: int,
    released: asyncio.Event,
) -> None:
    """Send `response` as the answer to the request of that number."""
    headers = {"request-id": f"req_{number:024d}"}
    match response:
        case Failure():
            body = {**response.body, "request_id": headers["request-id"]}
            await connection.send_json(response.status, body, {**headers, **response.headers})
        case Garbage():
            headers["content-type"] = response.content_type
            await connection.send(200, response.body.encode(), headers)
        case Hang():
            await released.wait()
            connection.drop()
        case Answer():
            await asyncio.sleep(response.first_byte_after)
            whole = message(response, request, f"msg_{number:024d}")
            if response.fault == Cut(0, "drop"):
                connection.drop()
            elif request.get("stream"):
                await _stream(response, whole, connection, headers, released)
            else:
                await connection.send_json(200, whole, headers)


async def _stream(
    answer: Answer,
    whole: dict[str, Any],
    connection: Connection,
    headers: dict[str, str],
    released: asyncio.Event,
) -> None:
    fault = answer.fault
    await connection.start_stream({**headers, "content-type": "text/event-stream; charset=utf-8"})
    for sent, data in enumerate(events(whole, answer.broken_arguments)):
        if fault is not None and sent == fault.after:
            break
        await connection.send_chunk(data)
        await asyncio.sleep(answer.between_events)
    match fault:
        case StreamError():
            error = {"type": fault.type, "message": fault.message}
            await connection.send_chunk(event({"type": "error", "error": error}))
        case Cut(how="drop"):
            connection.drop()
        case Cut(how="reset"):
            connection.reset()
        case Cut(how="silence"):
            await released.wait()
            connection.drop()
        case _:
            pass
    if connection.usable:
        await connection.send_chunk(b"")


def canonical(block: Any) -> str:
    """Return what makes two blocks the same: cache marks are ours to set, not content."""
    unmarked = json.loads(json.dumps(block))
    for part in unmarked if isinstance(unmarked, list) else [unmarked]:
        part.pop("cache_control", None)
    return json.dumps(unmarked, sort_keys=True)
