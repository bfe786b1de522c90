"""What it costs to watch: a worker with 100 sessions that work elsewhere, and their histories.

The worker is a process of its own, the providers are fakes in this one. Three ways to watch:
`http` is asked again and again, `claude-managed` too, through an SDK, and `agentcore` holds a
connection and a thread for each session until it answers.
"""

import asyncio
import os
from collections.abc import Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from typing import Any
from unittest.mock import patch

from temporalio.client import WorkflowHandle

from tests.bench.arena import finish
from tests.bench.measures import Effort, Measure, progress
from tests.bench.serve import bench_stack, resources, start_worker
from tests.contract.agentcore_bench import AgentCoreBench
from tests.contract.bench import RuntimeBench
from tests.contract.claude_managed_bench import ClaudeManagedBench
from tests.contract.http_bench import HttpBench
from tests.stack import Stack
from workers.devserver import dev_server

QUEUE = "bench-sessions"
SESSIONS = 100
AT_ONCE = 20
MEMORY_MIB = 40.0
"""Of 100 sessions, their runs' workflows included: small beside the worker itself."""
IDLE_PERCENT = 20.0
"""Of one core: looks, and a heartbeat of each session every other second."""
REPORTS = 40
"""Times a session shows progress while it is watched."""

Run = WorkflowHandle[Any, Any]


@dataclass
class _Watching:
    """One kind of sessions on one worker."""

    stack: Stack
    worker: Popen[bytes]
    bench: RuntimeBench
    name: str

    async def start(self, numbers: Iterable[int]) -> list[Run]:
        """Start a run for each number."""
        left, runs = iter(numbers), list[Run]()

        async def one_after_another() -> None:
            for number in left:
                runs.append(await self.stack.start(self.name, f"{self.name}-{number}"))

        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(one_after_another())
        return runs


async def measure(folder: Path, effort: Effort) -> list[Measure]:
    """Memory and CPU for each way to watch, and what watching leaves in history."""
    measures: list[Measure] = []
    kinds = (HttpBench, ClaudeManagedBench, AgentCoreBench)
    async with dev_server(database=folder / "temporal.db") as server, AsyncExitStack() as open_:
        for number, kind in enumerate(kinds):
            bench = await open_.enter_async_context(kind())
            # A worker for each: memory that one kind was given is another's to use.
            queue = f"{QUEUE}-{number}"
            stack = await bench_stack(server.address, folder, queue)
            with patch.dict(os.environ, bench.environment):
                worker = start_worker(server.address, folder, queue)
            try:
                watching = _Watching(stack, worker, bench, f"bench-{bench.kind.kind}")
                if kind is HttpBench:
                    measures += await _reports(watching, effort)
                measures += await _idle(watching, effort)
            finally:
                worker.kill()
                worker.wait()
    return measures


async def _idle(watching: _Watching, effort: Effort) -> list[Measure]:
    """Sessions that work, and say nothing."""
    bench, worker = watching.bench, watching.worker
    sessions, seconds = effort.scaled(SESSIONS, 20), effort.scaled(15, 5)
    await _declare(watching, poll="2s", inactivity="1h")
    bench.answer("warm")
    await finish(*await watching.start([0]))
    before, _ = resources(worker.pid)
    for _ in range(sessions):
        bench.answer("late", seconds=3600.0)
    runs = await watching.start(range(1, sessions + 1))
    while True:
        if all([await _heard(run) for run in runs]):
            break
        await asyncio.sleep(0.5)
    progress(f"{bench.kind.kind}: {sessions} sessions are watched")
    events = await _events(runs)
    heard = [await _heard(run) for run in runs]
    _, began = resources(worker.pid)
    await asyncio.sleep(seconds)
    after, ended = resources(worker.pid)
    beat = sum([old != await _heard(run) for old, run in zip(heard, runs, strict=True)])
    added = after - before
    return [
        Measure(
            f"{bench.kind.kind}: memory per 100 sessions watched at once",
            added * 100 / sessions,
            "MiB",
            at_most=MEMORY_MIB,
            detail=f"{after:.0f} MiB with {sessions}, {before:.0f} MiB after the first",
        ),
        Measure(
            f"{bench.kind.kind}: CPU of the worker while {sessions} are watched, of one core",
            100 * (ended - began) / seconds,
            "%",
            at_most=IDLE_PERCENT,
        ),
        Measure(
            f"{bench.kind.kind}: events that {seconds} s of watching add to {sessions} histories",
            await _events(runs) - events,
            at_most=0,
            detail=f"{events / sessions:.0f} events each, {beat} sent heartbeats meanwhile",
        ),
    ]


async def _reports(watching: _Watching, effort: Effort) -> list[Measure]:
    """A session that shows progress all the time, against one that answers at once."""
    bench, pieces = watching.bench, effort.scaled(REPORTS, REPORTS // 4)
    await _declare(watching, poll="50ms")
    bench.answer("at once")
    (short,) = await watching.start([-1])
    await finish(short)
    bench.trickle("after a while", pause=0.25, pieces=pieces)
    (long,) = await watching.start([-2])
    await finish(long)
    at_once, watched = await _events([short]), await _events([long])
    return [
        Measure(
            f"events of a session's run that is watched for {pieces // 4} s, beyond one that "
            "answers at once",
            watched - at_once,
            at_most=0,
            detail=f"{watched} events, {pieces} reports of progress",
        )
    ]


async def _declare(watching: _Watching, **settings: Any) -> None:
    await watching.stack.declare(
        watching.name,
        runtime=watching.bench.settings(**settings),
        instructions="Be brief.",
        session={"concurrency": "parallel"},
    )


async def _heard(run: Run) -> float:
    """When the server heard last from whoever watches the run's session; 0: never."""
    described = (await run.describe()).raw_description
    for step in described.pending_activities:
        if step.activity_type.name == "observe_session":
            return step.last_heartbeat_time.ToNanoseconds() / 1e9
    return 0.0


async def _events(runs: list[Run]) -> int:
    return sum([(await run.describe()).history_length for run in runs])
