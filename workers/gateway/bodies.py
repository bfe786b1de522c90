"""Bodies of strangers: never more of them in memory than there is room for, never for long."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response

from workers.gateway.rates import retry_after

READ_SECONDS = 10.0
"""How long a sender may take over a body: a slow one must not hold a place for ever."""
ROOM_BYTES = 64 * 1024 * 1024
"""Of all bodies that are being read or worked with."""


class AnsweredError(Exception):
    """A request that has its answer before the work began."""

    def __init__(self, status: int, text: str, come_again: float | None = None) -> None:
        """Answer with `status`; `come_again` is in so many seconds."""
        super().__init__(text)
        # The connection stays: closed over a body that is still coming, it would be reset, and the
        # sender would read no answer. Whatever else comes of the body is thrown away.
        headers = {} if come_again is None else retry_after(come_again)
        self.response: Response = PlainTextResponse(f"{text}\n", status, headers)


class Bodies:
    """Reads bodies, and keeps account of what they take up together."""

    def __init__(self, room: int = ROOM_BYTES) -> None:
        """Let all of them together take up `room` bytes."""
        self._left = room

    @asynccontextmanager
    async def read(self, request: Request, most: int) -> AsyncGenerator[bytes]:
        """Read a body of at most `most` bytes, which has its room until the block ends.

        Raises:
            AnsweredError: 413 it is too large, 408 it took too long, 503 there is no room.
        """
        if _announced(request) > most:
            raise AnsweredError(413, f"more than {most} bytes")
        parts = bytearray()
        try:
            await self._fill(parts, request, most)
            yield bytes(parts)
        finally:
            self._left += len(parts)

    async def _fill(self, parts: bytearray, request: Request, most: int) -> None:
        try:
            async with asyncio.timeout(READ_SECONDS):
                async for chunk in request.stream():
                    if len(parts) + len(chunk) > most:
                        raise AnsweredError(413, f"more than {most} bytes")
                    if len(chunk) > self._left:
                        raise AnsweredError(503, "too much at once", 5)
                    self._left -= len(chunk)
                    parts += chunk
        except (TimeoutError, ClientDisconnect):
            raise AnsweredError(408, "the body did not come in time") from None


def _announced(request: Request) -> int:
    length = request.headers.get("content-length", "")
    return int(length) if length.isdecimal() else 0
