"""A worker process of Rota with the bench's model and tool: `python -m tests.bench.serve`.

Arguments: the server's address, the folder, the task queue. Serves until SIGTERM.
"""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

from activities.runtimes.open import OpenRuntimes
from tests.bench.workload import MAKERS, look_up
from tests.stack import Stack, open_stack


async def bench_stack(address: str, folder: Path, task_queue: str) -> Stack:
    """The stack that the processes of one benchmark share."""
    stack = await open_stack(address, folder)
    stack.task_queue = task_queue
    stack.runtimes = OpenRuntimes(MAKERS)
    return stack


def start_worker(address: str, folder: Path, task_queue: str) -> subprocess.Popen[bytes]:
    """Start a worker process."""
    command = [sys.executable, "-m", "tests.bench.serve", address, str(folder), task_queue]
    log = (folder / f"{task_queue}.log").open("ab")
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def resources(pid: int) -> tuple[float, float]:
    """(resident MiB, CPU seconds so far) of a process, from Linux's /proc."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    ticks = int(fields[11]) + int(fields[12])
    resident = int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
    return resident / 1024**2, ticks / os.sysconf("SC_CLK_TCK")


async def _serve(address: str, folder: Path, task_queue: str) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    stack = await bench_stack(address, folder, task_queue)
    async with stack.worker([look_up]):
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], Path(sys.argv[2]), sys.argv[3]))
