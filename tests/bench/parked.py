"""Memory and CPU of a worker whose runs all wait: one holds a session, the rest queue."""

import asyncio
from pathlib import Path

from tests.bench.measures import Effort, Measure, progress
from tests.bench.serve import bench_stack, resources, start_worker
from tests.bench.workload import AGENT, Plan
from workers.devserver import dev_server

QUEUE = "bench-parked"
NAME = "bench-queue"
AT_ONCE = 20


async def measure(folder: Path, effort: Effort) -> list[Measure]:
    """Park the runs in a worker process of their own, then watch it idle."""
    runs, seconds = effort.scaled(1000, 100), effort.scaled(20, 5)
    async with dev_server(database=folder / "temporal.db") as server:
        stack = await bench_stack(server.address, folder, QUEUE)
        worker = start_worker(server.address, folder, QUEUE)
        try:
            await stack.declare(NAME, **{**AGENT, "session": {"key": "one"}})
            held = Plan(seconds=3600.0)
            await stack.start(NAME, "holder", input=held.document)
            empty, _ = resources(worker.pid)
            left = iter(range(1, runs))

            async def start_rest() -> None:
                for number in left:
                    await stack.start(NAME, f"parked-{number}", input=held.document)

            async with asyncio.TaskGroup() as group:
                for _ in range(AT_ONCE):
                    group.create_task(start_rest())
            progress(f"{runs} runs started")
            while True:
                session = (await stack.keeper(NAME)).session("one")
                if len(session.queue) == runs - 1:
                    break
                await asyncio.sleep(0.5)
            _, before = resources(worker.pid)
            await asyncio.sleep(seconds)
            full, after = resources(worker.pid)
        finally:
            worker.kill()
            worker.wait()
    return [
        Measure(
            f"memory of a worker with {runs} parked runs",
            full,
            "MiB",
            detail=f"{empty:.0f} MiB without; {(full - empty) * 1024 / runs:.0f} KiB a run",
        ),
        Measure("its CPU, of one core", 100 * (after - before) / seconds, "%"),
    ]
