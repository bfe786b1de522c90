"""A shell as a reader has it open beside a page: real bash, in a folder of the page's own."""

import asyncio
import contextlib
import os
import re
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.workers.cli.command_line import Ended

LOOP = r"""
set -m  # as in a terminal, what goes on in the background can be interrupted
shopt -s expand_aliases
while IFS= read -r step <&3; do
    . "$step" </dev/null >"$step.out" 2>"$step.err" 3<&- 4>&-
    printf '%s\n' "$?" >&4
done
"""
"""Each step is a file, so that what it defines is there for the next, as in a terminal."""


@dataclass
class Shell:
    """A running shell."""

    process: "subprocess.Popen[bytes]"
    folder: Path
    """Where its steps and what they print are kept; not where it works."""
    to_do: int
    done: int
    steps: int = 0
    staying: list[tuple[str, int, Path]] = field(default_factory=list[tuple[str, int, Path]])
    """What goes on in the background: as typed, process id, file of what it prints."""

    async def type(self, command: str, seconds: float = 60) -> Ended:
        """Type a command and wait until it has ended.

        Raises:
            TimeoutError: it has not; the shell is of no use any more.
        """
        self.steps += 1
        step = self.folder / f"{self.steps}.sh"
        step.write_text(command + "\n")
        os.write(self.to_do, f"{step}\n".encode())
        code = await asyncio.wait_for(asyncio.to_thread(os.read, self.done, 16), seconds)
        out, err = step.with_name(f"{step.name}.out"), step.with_name(f"{step.name}.err")
        return Ended(int(code or -1), out.read_text(), err.read_text())

    async def leave_running(self, command: str, ready: str, seconds: float = 60) -> Ended:
        """Type a command that stays, and wait until it says that it is ready.

        Raises:
            AssertionError: it ended before.
            TimeoutError: it says nothing of the kind.
        """
        printed = self.folder / f"{self.steps + 1}.said"
        printed.touch()
        begun = await self.type(f"{command.removesuffix('&')} >{printed} 2>&1 & echo $!")
        pid = int(begun.out)
        self.staying.append((command, pid, printed))
        async with asyncio.timeout(seconds):
            while not re.search(ready, printed.read_text()):
                assert _lives(pid), f"{command} ended: {printed.read_text()}"
                await asyncio.sleep(0.02)
        return Ended(0, printed.read_text(), "")

    async def interrupt(self, program: str = "", seconds: float = 30) -> list[str]:
        """Press Ctrl-C in each terminal with such a program; what ended badly, and how."""
        wrong: list[str] = []
        chosen = [each for each in self.staying if each[0].startswith(program)]
        for command, pid, printed in reversed(chosen):
            os.kill(pid, signal.SIGINT)
            ended = await self.type(f"wait {pid}", seconds)
            if ended.code not in (0, 130):  # done, interrupted
                wrong.append(f"{command} ended with {ended.code}: {printed.read_text()[-2000:]}")
        self.staying = [each for each in self.staying if each not in chosen]
        return wrong


def _lives(pid: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


@asynccontextmanager
async def shell(folder: Path, steps: Path, environ: dict[str, str]) -> AsyncIterator[Shell]:
    """Open a shell that works in `folder`; whatever it still runs at the end is killed."""
    read_steps, to_do = os.pipe()
    done, write_done = os.pipe()
    process = subprocess.Popen(  # noqa: ASYNC220 - two milliseconds, and no pipe of asyncio's
        ["bash", "-c", f"exec 3<&{read_steps} 4>&{write_done}\n{LOOP}"],
        cwd=folder,
        env=environ,
        stdin=subprocess.DEVNULL,
        pass_fds=[read_steps, write_done],
        start_new_session=True,
    )
    os.close(read_steps)
    os.close(write_done)
    opened = Shell(process, steps, to_do, done)
    try:
        yield opened
    finally:
        for _, pid, _ in opened.staying:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
        process.kill()
        process.wait()
        os.close(to_do)
        os.close(done)
