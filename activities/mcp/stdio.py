"""A local MCP server: a program that speaks MCP on its standard input and output.

Not the SDK's own transport, which gives programs the worker's login environment, its standard
error, and a life beyond the death of the worker. Here nothing of the program is ever left:
see `activities.providers.command_keeper`.
"""

import asyncio
import contextlib
import os
from collections import deque
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import mcp_types as types
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import SessionMessage

from activities.providers.command_process import CommandProcess, started
from activities.secrets import Secrets

INHERITED = ("PATH", "HOME", "LANG", "TMPDIR")
"""What a program gets of the worker's environment."""
MESSAGE_LIMIT = 16 * 1024 * 1024
"""Bytes of one message. A longer one would be held in memory whole."""
STDERR_LINES = 5
"""Last lines of standard error that are told when the program fails."""
LINE_LIMIT = 64 * 1024
"""Bytes of a line of it that are looked at; what is told is its beginning."""
LAST_WORDS_SECONDS = 2.0
"""How long a program may take to end by itself once its input has ended."""

Streams = tuple[
    MemoryObjectReceiveStream[SessionMessage | Exception], MemoryObjectSendStream[SessionMessage]
]


class LastWords:
    """Why a program may have failed: the end of what it wrote to standard error."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=STDERR_LINES)

    @property
    def text(self) -> str:
        """The last lines in one."""
        return " | ".join(line for line in self._lines if line)

    def add(self, line: str) -> None:
        """Add what is known of its end otherwise."""
        self._lines.append(line)

    async def read(self, stream: asyncio.StreamReader) -> None:
        """Take in `stream` to its end, so that the program never waits for a reader."""
        rest = b""
        while chunk := await stream.read(16 * 1024):
            *lines, rest = (rest + chunk).split(b"\n")
            self._lines.extend(_line(line) for line in lines)
            rest = rest[-LINE_LIMIT:]
        self._lines.append(_line(rest))


def _line(raw: bytes) -> str:
    return Secrets().shortened(raw.decode(errors="replace").strip(), 300)


def environment(declared: Mapping[str, str]) -> dict[str, str]:
    """All of a program's environment: the little it inherits, and what is declared."""
    return {name: os.environ[name] for name in INHERITED if name in os.environ} | dict(declared)


@asynccontextmanager
async def stdio(
    command: tuple[str, ...], cwd: Path, env: Mapping[str, str], setting: str, words: LastWords
) -> AsyncGenerator[Streams]:
    """Run `command` while the block lasts; a transport for `mcp.Client`.

    Raises:
        StepError: `invalid_request`, it cannot be started; says why.
    """
    reading: list[asyncio.Task[None]] = []
    try:
        async with started(command, cwd=cwd, env=env, setting=setting) as process:
            reading.append(asyncio.create_task(words.read(process.stderr)))
            try:
                async with _bridged(process, words) as streams:
                    yield streams
                await _farewell(process)
            finally:
                # While it is being ended, too: what nobody reads, asyncio waits for.
                reading.append(asyncio.create_task(_drained(process.stdout)))
    finally:
        for task in reading:
            task.cancel()


@asynccontextmanager
async def _bridged(process: CommandProcess, words: LastWords) -> AsyncGenerator[Streams]:
    to_session, received = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    sent, from_session = anyio.create_memory_object_stream[SessionMessage](0)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_read, process, to_session, words)
        tasks.start_soon(_write, process, from_session, to_session)
        try:
            yield received, sent
        finally:
            received.close()
            sent.close()
            tasks.cancel_scope.cancel()


async def _read(
    process: CommandProcess,
    to_session: MemoryObjectSendStream[SessionMessage | Exception],
    words: LastWords,
) -> None:
    """Hand on each line as a message, until the program closes its output or says too much."""
    buffer = bytearray()
    async with to_session:
        with contextlib.suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):
            while chunk := await process.stdout.read(256 * 1024):
                # Only the new part can hold a line's end: a long message is not searched again.
                searched = len(buffer)
                buffer += chunk
                while (end := buffer.find(b"\n", searched)) >= 0:
                    line, searched = bytes(buffer[:end]), 0
                    del buffer[: end + 1]
                    await to_session.send(_message(line))
                if len(buffer) > MESSAGE_LIMIT:
                    words.add(f"a message of more than {MESSAGE_LIMIT} bytes")
                    break
    await _drained(process.stdout)


async def _drained(stream: asyncio.StreamReader) -> None:
    """Read to the end for nobody: a program that waits for a reader could not end."""
    while await stream.read(256 * 1024):
        pass


async def _write(
    process: CommandProcess,
    from_session: MemoryObjectReceiveStream[SessionMessage],
    to_session: MemoryObjectSendStream[SessionMessage | Exception],
) -> None:
    async with from_session:
        try:
            async for message in from_session:
                line = message.message.model_dump_json(by_alias=True, exclude_unset=True)
                process.stdin.write(line.encode() + b"\n")
                await process.stdin.drain()
        except ConnectionError:
            # It reads no more: the session learns that the connection is over.
            await to_session.aclose()


def _message(line: bytes) -> SessionMessage | Exception:
    try:
        return SessionMessage(types.jsonrpc_message_adapter.validate_json(line, by_name=False))
    except ValueError as error:
        return error


async def _farewell(process: CommandProcess) -> None:
    """End the program's input, and let it end by itself: it may have something to save."""
    process.stdin.close()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LAST_WORDS_SECONDS):
            await process.ended()
