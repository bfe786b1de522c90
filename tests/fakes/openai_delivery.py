"""Puts the fake completions server's answers on the wire, faults included."""

import asyncio
from typing import Any

from tests.fakes.loopback_http import Connection
from tests.fakes.openai_answers import (
    Answer,
    Cut,
    Failure,
    Hang,
    Raw,
    Response,
    StreamError,
    completion,
    event,
    events,
)


async def deliver(
    response: Response,
    request: dict[str, Any],
    connection: Connection,
    *,
    number: int,
    released: asyncio.Event,
) -> None:
    """Send `response` as the answer to the request of that number."""
    headers = {"x-request-id": f"req_{number:024d}"}
    match response:
        case Failure():
            headers = {**headers, **response.headers}
            await connection.send_json(response.status, response.body, headers)
        case Raw():
            headers["content-type"] = response.content_type
            await connection.send(200, response.body.encode(), headers)
        case Hang():
            await released.wait()
            connection.drop()
        case Answer():
            await asyncio.sleep(response.first_byte_after)
            headers |= response.headers
            whole = completion(response, request, f"chatcmpl-{number}")
            if response.fault == Cut(0, "drop"):
                connection.drop()
            elif request.get("stream"):
                usage = (request.get("stream_options") or {}).get("include_usage", False)
                await _stream(response, whole, usage, connection, headers, released)
            else:
                await connection.send_json(200, whole, headers)


async def _stream(
    answer: Answer,
    whole: dict[str, Any],
    with_usage: bool,
    connection: Connection,
    headers: dict[str, str],
    released: asyncio.Event,
) -> None:
    fault = answer.fault
    content_type = "text/event-stream; charset=utf-8"
    await connection.start_stream({**headers, "content-type": content_type})
    for sent, data in enumerate(events(answer, whole, with_usage)):
        if fault is not None and sent == fault.after:
            break
        await connection.send_chunk(data)
        await asyncio.sleep(answer.between_events)
    match fault:
        case StreamError():
            await connection.send_chunk(event({"error": fault.error}))
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
