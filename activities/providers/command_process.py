"""One program under its keeper, as the worker sees it: start, streams, end.

See `command_keeper` for what is promised: when `ended` returns, no process of the program
is left, and if this worker dies, the keeper kills them all.
"""

import asyncio
import contextlib
import json
import os
import socket
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from activities.providers import command_keeper
from rota.failures import FailureCategory, StepError

KILL_SECONDS = 10.0
"""How long killed processes may take to vanish: longer only in a hanging disk or driver."""
DELIVERY_SECONDS = 0.5
"""How long a program's last words may take to its readers, once it has ended. What nobody reads
never arrives."""
_KEEPER = os.path.abspath(command_keeper.__file__)
LINE_LIMIT = 64 * 1024
"""Bytes of one line that are looked at as a line."""


class CommandProcess:
    """A running program. Made by `started`."""

    def __init__(
        self,
        keeper: asyncio.subprocess.Process,
        told: asyncio.StreamReader,
        orders: asyncio.StreamWriter,
    ) -> None:
        self._keeper = keeper
        self._told = told
        self._orders = orders
        self._over: asyncio.Task[int | None] | None = None
        self.stopping = False
        """Somebody wants it to end."""

    @property
    def stdin(self) -> asyncio.StreamWriter:
        """Its standard input."""
        assert self._keeper.stdin is not None
        return self._keeper.stdin

    @property
    def stdout(self) -> asyncio.StreamReader:
        """Its standard output."""
        assert self._keeper.stdout is not None
        return self._keeper.stdout

    @property
    def stderr(self) -> asyncio.StreamReader:
        """Its standard error."""
        assert self._keeper.stderr is not None
        return self._keeper.stderr

    @property
    def is_gone(self) -> bool:
        """Whether it is certain already that nobody of it is left."""
        return self._over is not None and self._over.done() and self._over.result() is not None

    async def ended(self) -> int | None:
        """Wait for the exit code, below 0 for a signal; nobody of it is left then.

        None if its keeper went away without a word, which only -9 makes it do.
        """
        if self._over is None:
            self._over = asyncio.create_task(self._read_end())
        return await asyncio.shield(self._over)

    async def stop(self, grace: float) -> bool:
        """Ask it to end, and kill it after `grace` seconds. Safe to repeat.

        Returns:
            Whether it is certain that nobody of it is left.
        """
        if self._over is not None and self._over.done():
            return self.is_gone
        self.stopping = True
        if grace > 0 and await self._ends(grace, ask=True):
            return True
        return await self._ends(KILL_SECONDS, ask=False)

    async def _ends(self, seconds: float, *, ask: bool) -> bool:
        with contextlib.suppress(ConnectionError):
            if ask:
                self._orders.write(b"T")
            elif self._orders.can_write_eof():
                self._orders.write_eof()
        try:
            return await asyncio.wait_for(self.ended(), seconds) is not None
        except TimeoutError:
            return False

    async def _read_end(self) -> int | None:
        fact = await self.fact()
        while fact is not None and "ended" not in fact:
            fact = await self.fact()  # that it has started, which nobody waited for
        # Over only when both streams are read to their end, which nobody may do.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._keeper.wait(), DELIVERY_SECONDS)
        return None if fact is None else int(fact["ended"])

    async def fact(self) -> dict[str, Any] | None:
        """What the keeper says next; None if it will say nothing more."""
        try:
            line = await self._told.readline()
        except ConnectionError:
            return None
        return json.loads(line) if line.endswith(b"\n") else None

    async def close(self) -> None:
        """Let go: whatever still runs is killed by the keeper. Safe to repeat.

        What it wrote and nobody read is thrown away: so are the descriptors closed.
        """
        self._orders.close()
        self.stdin.close()
        if self._over is not None and not self._over.done():
            self._over.cancel()
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DELIVERY_SECONDS):
                await asyncio.gather(_drain(self.stdout), _drain(self.stderr))


async def _drain(stream: asyncio.StreamReader) -> None:
    # One that is still read by another is not for us to read.
    with contextlib.suppress(RuntimeError):
        while await stream.read(LINE_LIMIT):
            pass


@asynccontextmanager
async def started(
    command: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    setting: str = "runtime.command",
) -> AsyncGenerator[CommandProcess]:
    """Run `command` while the block lasts; whatever is left of it at the end is killed.

    Args:
        command: Program and arguments.
        cwd: Folder it runs in.
        env: All of its environment.
        setting: Where the command is declared, for the message if it cannot be started.

    Raises:
        StepError: `invalid_request`: it cannot be started; says why.
    """
    starting = asyncio.create_task(_start(command, cwd, env, setting))
    try:
        process = await asyncio.shield(starting)
    except asyncio.CancelledError:
        # asyncio never ends a start that is cut between the program's birth and its pipes: it is
        # finished, and what has started is ended.
        with contextlib.suppress(StepError):
            await _let_go(await starting)
        raise
    try:
        fact = await process.fact()
        if fact is None or "started" not in fact:
            reason = str((fact or {}).get("failed", "it did not say why"))
            raise _not_started(setting, command[0], reason)
        yield process
    finally:
        await _let_go(process)


async def _let_go(process: CommandProcess) -> None:
    await asyncio.shield(process.stop(0))
    await process.close()


async def _start(
    command: Sequence[str], cwd: Path, env: Mapping[str, str], setting: str
) -> CommandProcess:
    ours, theirs = socket.socketpair()
    try:
        keeper = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", _KEEPER),
            *(str(theirs.fileno()), *command),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            pass_fds=(theirs.fileno(),),
            cwd=cwd,
            env=dict(env),
            limit=LINE_LIMIT,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        ours.close()
        raise _not_started(setting, command[0], str(error)) from error
    finally:
        theirs.close()
    told, orders = await asyncio.open_connection(sock=ours)
    return CommandProcess(keeper, told, orders)


def _not_started(setting: str, program: str, reason: str) -> StepError:
    return StepError(
        FailureCategory.INVALID_REQUEST,
        f"{setting}: '{program}' cannot be started on this worker: {reason}; install it "
        "there, or name it by its path",
    )
