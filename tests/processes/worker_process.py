"""Worker processes of a stack: the product's own command, started, awaited and killed.

They are forked from a process that has imported what a worker needs, once for all: to import
it is a second of work each time. `rota worker` as a program of its own is started for a
package that a test installs, and by the tests of `rota dev`.
"""

import asyncio
import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Protocol

from activities.pollers import pollers
from rota.ids import keeper_queue
from tests.stack import Stack

ROOT = Path(__file__).parents[2]
READY_SECONDS = 30.0
ROTA_WORKER = ("workers", "worker")
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(
    [
        "tests.processes.worker_process",
        "workers.cli.worker",
        "activities.runtimes.anthropic",
        "activities.mcp.connection",
    ]
)


class Killable(Protocol):
    """A process, however it was started."""

    def send_signal(self, sig: int, /) -> None: ...
    def wait(self) -> object: ...


class WorkerProcess(Protocol):
    """A process with a worker: what tests use of `subprocess.Popen`."""

    @property
    def pid(self) -> int: ...
    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int | None: ...
    def send_signal(self, sig: int, /) -> None: ...


class Forked:
    """A process that was forked."""

    def __init__(self, process: BaseProcess) -> None:
        self._process = process
        assert process.pid is not None
        self.pid: int = process.pid

    def poll(self) -> int | None:
        """How it ended; None as long as it lives."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int | None:
        """How it ended; None if it has not within `timeout` seconds."""
        self._process.join(timeout)
        return self._process.exitcode

    def send_signal(self, sig: int, /) -> None:
        """Do nothing if it has ended."""
        if self.poll() is None:
            os.kill(self.pid, sig)


@asynccontextmanager
async def worker_process(
    stack: Stack, command: Sequence[str] = ROTA_WORKER, *, fresh: bool = False
) -> AsyncGenerator[WorkerProcess]:
    """Serve the stack's queue from a process of its own, ready when the block begins.

    Whatever is left of it at the end is killed: tests that want an orderly stop ask for it.
    """
    with launched(stack, command, fresh=fresh) as process:
        await _serving(stack, process)
        yield process


@contextmanager
def launched(
    stack: Stack, command: Sequence[str] = ROTA_WORKER, *, fresh: bool = False
) -> Generator[WorkerProcess]:
    """Start the process of `worker_process` without waiting for it to serve.

    Args:
        stack: Whose queue it serves.
        command: A module, as after `python -m`, and its first arguments.
        fresh: It imports everything itself, for packages that the test installs.
    """
    options = {
        "--fleet": str(stack.folder),
        "--store": stack.store.address,
        "--task-queue": stack.task_queue,
        "--address": stack.address,
    }
    arguments = [*command, *(part for option in options.items() for part in option)]
    stack.folder.mkdir(parents=True, exist_ok=True)
    process = (_executed if fresh else _forked)(arguments, stack.folder / "worker.log")
    try:
        yield process
    finally:
        kill(process)


def _executed(command: Sequence[str], log: Path) -> WorkerProcess:
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", *command], cwd=ROOT, stdout=output, stderr=output
        )


def _forked(command: Sequence[str], log: Path) -> WorkerProcess:
    process = FORKS.Process(target=_become, args=(command, str(log), dict(os.environ)), daemon=True)
    process.start()
    return Forked(process)


def _become(command: Sequence[str], log: str, environ: Mapping[str, str]) -> None:
    """Be `python -m command` from here on."""
    with open(log, "ab") as output:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(output.fileno(), stream.fileno())
    os.environ.clear()
    os.environ.update(environ)
    os.chdir(ROOT)
    module, *sys.argv[1:] = command
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def kill(process: Killable) -> None:
    """`kill -9`, and wait until it is gone."""
    process.send_signal(signal.SIGKILL)
    process.wait()


async def _serving(stack: Stack, process: WorkerProcess) -> None:
    """Wait until the process asks for work on both of its queues."""
    identity = f"{process.pid}@"
    async with asyncio.timeout(READY_SECONDS):
        for queue in (stack.task_queue, keeper_queue(stack.task_queue)):
            while not any(name.startswith(identity) for name in await pollers(stack.client, queue)):
                assert process.poll() is None, (stack.folder / "worker.log").read_text()
                await asyncio.sleep(0.05)
