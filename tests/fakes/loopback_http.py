"""A small HTTP/1.1 server on a thread of its own, for fakes that must misbehave on purpose.

A real socket, because cut streams, resets and silence are properties of sockets; a
thread, so that worker processes and blocking code in a test can reach it alike.
"""

import asyncio
import contextlib
import json
import socket
import struct
import threading
from collections.abc import Awaitable, Callable, Collection, Coroutine
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class HttpRequest:
    """One request, read whole."""

    method: str
    path: str
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes

    @property
    def json(self) -> Any:
        """The body parsed; None if it is no JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


class Connection:
    """The answering side of one connection."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self.usable = True
        """False once the connection was ended; no further request is read from it."""
        self.method = ""
        """Of the request that is answered: to HEAD, no body is sent."""

    async def send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        """Send a complete response."""
        lines = {**headers, "content-length": str(len(body))}
        await self._write(_head(status, lines) + (b"" if self.method == "HEAD" else body))

    async def send_json(self, status: int, data: object, headers: dict[str, str]) -> None:
        """Send a complete response of JSON."""
        body = json.dumps(data).encode()
        await self.send(status, body, {"content-type": "application/json", **headers})

    async def start_stream(self, headers: dict[str, str]) -> None:
        """Send the head of a chunked response."""
        await self._write(_head(200, {**headers, "transfer-encoding": "chunked"}))

    async def send_chunk(self, data: bytes) -> None:
        """Send one chunk; empty data ends the body."""
        await self._write(b"%x\r\n%s\r\n" % (len(data), data))

    async def send_half(self, data: bytes) -> None:
        """Begin an answer of JSON, and break off in the middle."""
        await self.start_stream({"content-type": "application/json"})
        await self.send_chunk(data)
        self.drop()

    def drop(self) -> None:
        """Close the socket, whatever was promised."""
        self.usable = False
        self._writer.close()

    def reset(self) -> None:
        """Abort the connection: the other side gets a TCP reset."""
        self.usable = False
        sock = self._writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    async def _write(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()


Handler = Callable[[HttpRequest, Connection], Awaitable[None]]


class LoopbackServer:
    """Serves a handler on 127.0.0.1 and a free port until closed.

    The handler runs on the server's own event loop; `submit` reaches that loop from any
    other thread.
    """

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.port = 0
        self.connections = 0

    def start(self) -> None:
        """Listen; returns when connections are accepted."""
        self._thread.start()
        self.submit(self._listen()).result(timeout=10)

    def close(self) -> None:
        """End every connection and the thread."""
        self.submit(self.end()).result(timeout=10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._loop.close()

    def submit(self, coroutine: Coroutine[object, object, T]) -> Future[T]:
        """Run a coroutine on the server's loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def spawn(self, coroutine: Coroutine[object, object, None]) -> None:
        """Begin on the server's loop what outlives a request; closing cancels and awaits it."""
        task = self._loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def call(self, function: Callable[[], object]) -> None:
        """Run a function on the server's loop, soon."""
        self._loop.call_soon_threadsafe(function)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def end(self) -> None:
        """End all that goes on; on the server's loop."""
        assert self._server is not None
        # Ours first, which end what they began: a connection that a client of theirs is just making
        # is nobody's to close if the library's own task for it is cancelled beside them.
        await _cancelled(self._tasks)
        # One that was just accepted is lost if the server closes before it is taken over, and it is
        # served, and so closed, three steps later.
        await _some_steps()
        self._server.close()
        await _some_steps()
        await _cancelled(self._tasks)
        # Then what a fake began by itself: a client left open there warns in a later test.
        await _cancelled(asyncio.all_tasks() - {asyncio.current_task()})

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        connection = Connection(writer)
        # The other side may go away at any moment: that is what these fakes are for. And a
        # connection still open when the server closes is simply cancelled.
        with contextlib.suppress(
            ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError
        ):
            while connection.usable:
                request = await _read(reader)
                connection.method = request.method
                await self._handler(request, connection)
        writer.close()
        self._tasks.discard(task)


async def _cancelled(tasks: Collection["asyncio.Task[Any]"]) -> None:
    ended = [*tasks]
    for task in ended:
        task.cancel()
    await asyncio.gather(*ended, return_exceptions=True)


async def _some_steps() -> None:
    for _ in range(4):
        await asyncio.sleep(0)


async def _read(reader: asyncio.StreamReader) -> HttpRequest:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.rstrip().split("\r\n")
    method, path, _ = first.split(" ", 2)
    pairs = (line.split(":", 1) for line in lines)
    headers = {name.strip().lower(): value.strip() for name, value in pairs}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return HttpRequest(method, path, headers, body)


def _head(status: int, headers: dict[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} Status", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
