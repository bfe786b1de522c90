"""Worker processes of a stack: the product's own command, started, awaited and killed."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from rota.ids import keeper_queue
from tests.stack import Stack
from workers.pollers import pollers

ROOT = Path(__file__).parents[2]
READY_SECONDS = 30.0
ROTA_WORKER = ("workers", "worker")


@asynccontextmanager
async def worker_process(
    stack: Stack, command: Sequence[str] = ROTA_WORKER
) -> AsyncGenerator[subprocess.Popen[bytes]]:
    """Serve the stack's queue from a process of its own, ready when the block begins.

    Whatever is left of it at the end is killed: tests that want an orderly stop ask for it.
    """
    with launched(stack, command) as process:
        await _serving(stack, process)
        yield process


@contextmanager
def launched(
    stack: Stack, command: Sequence[str] = ROTA_WORKER
) -> Generator[subprocess.Popen[bytes]]:
    """Start the process of `worker_process` without waiting for it to serve."""
    options = {
        "--fleet": str(stack.folder),
        "--store": stack.store.address,
        "--task-queue": stack.task_queue,
        "--address": stack.address,
    }
    arguments = [part for option in options.items() for part in option]
    stack.folder.mkdir(parents=True, exist_ok=True)
    with (stack.folder / "worker.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *command, *arguments], cwd=ROOT, stdout=log, stderr=log
        )
    try:
        yield process
    finally:
        kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """`kill -9`, and wait until it is gone."""
    process.send_signal(signal.SIGKILL)
    process.wait()


async def _serving(stack: Stack, process: subprocess.Popen[bytes]) -> None:
    """Wait until the process asks for work on both of its queues."""
    identity = f"{process.pid}@"
    async with asyncio.timeout(READY_SECONDS):
        for queue in (stack.task_queue, keeper_queue(stack.task_queue)):
            while not any(name.startswith(identity) for name in await pollers(stack.client, queue)):
                assert process.poll() is None, (stack.folder / "worker.log").read_text()
                await asyncio.sleep(0.05)
