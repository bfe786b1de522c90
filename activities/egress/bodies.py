"""Reading an answer whose sender may mean harm: never more than a number of bytes.

Unpacked here and not by the client: a few kilobytes of gzip can unpack to gigabytes, and
layers of it multiply. One layer of gzip is accepted; it is all that is asked for.
"""

import zlib
from collections.abc import AsyncIterable

ACCEPTED_ENCODING = "gzip"
"""What a request's `Accept-Encoding` says."""

_GZIP = 16 + zlib.MAX_WBITS


class AnswerRefusedError(Exception):
    """An answer came and is not taken; the message says why."""


class _Unpacking:
    """Unpacks gzip step by step, with never more than a limit in memory."""

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(_GZIP)
        self.whole = False
        """The last member has ended. False for an empty body, which is accepted as it is."""

    def add(self, chunk: bytes, room: int) -> bytes:
        """Return what `chunk` unpacks to, at most one byte more than `room`."""
        parts: list[bytes] = []
        while chunk and room >= 0:
            if self._inflate.eof:
                self._inflate = zlib.decompressobj(_GZIP)
            try:
                part = self._inflate.decompress(chunk, room + 1)
            except zlib.error as error:
                raise AnswerRefusedError(f"the answer is no gzip: {error}") from error
            parts.append(part)
            room -= len(part)
            self.whole = self._inflate.eof
            chunk = self._inflate.unused_data if self.whole else self._inflate.unconsumed_tail
        return b"".join(parts)


async def read_body(chunks: AsyncIterable[bytes], encoding: str, limit: int) -> bytes:
    """Return the body, unpacked.

    Args:
        chunks: As they arrive.
        encoding: The answer's `Content-Encoding`; empty for none.
        limit: Most bytes, packed and unpacked.

    Raises:
        AnswerRefusedError: too many bytes, an encoding that was not asked for, or a packed
            body that is broken or cut off.
    """
    packed = encoding.strip().lower() in ("gzip", "x-gzip")
    if not packed and encoding.strip().lower() not in ("", "identity"):
        raise AnswerRefusedError(f"the answer is packed as '{encoding[:40]}', not as gzip")
    unpacking = _Unpacking()
    body = bytearray()
    received = 0
    async for chunk in chunks:
        received += len(chunk)
        body += unpacking.add(chunk, limit - len(body)) if packed else chunk
        if len(body) > limit or received > limit:
            raise AnswerRefusedError(f"the answer is larger than {limit:,} bytes")
    if packed and received and not unpacking.whole:
        raise AnswerRefusedError("the answer's gzip is cut off")
    return bytes(body)
