"""Many schedules due in the same second: how late they start, and whether each does once.

The same agents, schedules and worker on two servers: the one `rota dev` runs, and plain
`temporal server start-dev` with a database file and its own defaults.
"""

import asyncio
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleCalendarSpec,
    ScheduleRange,
    ScheduleSpec,
    WorkflowExecution,
    WorkflowExecutionStatus,
)

from tests.bench.measures import Effort, Measure, progress, quantile
from tests.bench.serve import bench_stack
from tests.bench.workload import AGENT, Plan, look_up
from tests.stack import Stack
from workers.devserver import HOST, dev_server, free_port, stop_process, temporal_binary
from workers.namespace import prepare_namespace

QUEUE = "bench-burst"
AT_ONCE = 20
PATIENCE = 240.0


@dataclass(frozen=True)
class Burst:
    """What became of one second's schedules."""

    lags: Sequence[float]
    """Seconds from the nominal time to each start."""
    missing: int
    double: int
    finished: float
    """Seconds from the nominal time until every run had succeeded."""


async def measure(folder: Path, effort: Effort) -> list[Measure]:
    """The burst on plain defaults, then on Rota's server."""
    count = effort.scaled(200, 40)
    async with plain_server(folder / "plain.db") as address:
        plain = await burst(address, folder, count)
    _tell("plain defaults", plain)
    async with dev_server(database=folder / "rota.db") as server:
        rota = await burst(server.address, folder, count)
    _tell("Rota's server", rota)
    name = f"{count} schedules in one second"
    return [
        Measure(f"{name}, start lag p50", quantile(rota.lags, 0.5), "s"),
        Measure(f"{name}, start lag p99", quantile(rota.lags, 0.99), "s"),
        Measure(f"{name}, missing starts", rota.missing, at_most=0),
        Measure(f"{name}, double starts", rota.double, at_most=0),
        Measure(f"{name}, until every run had succeeded", rota.finished, "s"),
        *(
            Measure(
                f"{name}, how many times as soon as on plain defaults, p{share * 100:.0f}",
                quantile(plain.lags, share) / quantile(rota.lags, share),
                at_least=2.0,
                detail=f"{quantile(plain.lags, share):.1f} s there; all done in "
                f"{plain.finished:.0f} s",
            )
            for share in (0.5, 0.99)
        ),
    ]


async def burst(address: str, folder: Path, count: int) -> Burst:
    """Declare `count` agents, schedule them all for one second, and watch it."""
    stack = await bench_stack(address, folder, QUEUE)
    async with stack.worker([look_up]):
        names = [f"burst-{number}" for number in range(count)]
        began = perf_counter()
        await _each(names, lambda name: stack.declare(name, **AGENT))
        # Making the schedules takes about as long; the rest is margin.
        margin = timedelta(seconds=10 + 2 * (perf_counter() - began))
        due = (datetime.now(UTC) + margin).replace(microsecond=0)
        await _each(names, lambda name: _schedule(stack, name, due))
        if datetime.now(UTC) > due:
            raise RuntimeError("making the schedules took longer than planned: run it again")
        progress(f"{count} schedules due in {(due - datetime.now(UTC)).total_seconds():.0f} s")
        await asyncio.sleep((due - datetime.now(UTC)).total_seconds())
        runs = await _all_closed(stack.client, count)
    started = Counter(run.id for run in runs)
    agents = Counter(run.id.rsplit("-2", 1)[0] for run in runs)
    closes = [run.close_time for run in runs if run.close_time is not None]
    return Burst(
        lags=[(run.start_time - due).total_seconds() for run in runs],
        missing=count - len(agents),
        double=sum(started.values()) - len(agents),
        finished=(max(closes) - due).total_seconds() if len(closes) == count else float("inf"),
    )


@asynccontextmanager
async def plain_server(database: Path) -> AsyncIterator[str]:
    """`temporal server start-dev` on a file, as its help page gives it."""
    address = f"{HOST}:{free_port()}"
    process = _start_plain(address, database)
    try:
        async with asyncio.timeout(60):
            while True:
                try:
                    # What the runs themselves need; the server's settings stay as they are.
                    await prepare_namespace(await Client.connect(address), None)
                    break
                except RuntimeError:
                    await asyncio.sleep(0.1)
        yield address
    finally:
        await asyncio.to_thread(stop_process, process)


def _start_plain(address: str, database: Path) -> subprocess.Popen[bytes]:
    host, port = address.split(":")
    command = [temporal_binary(), "server", "start-dev", "--headless", "--log-level", "error"]
    command += ["--ip", host, "--port", port, "--db-filename", str(database)]
    quiet = subprocess.DEVNULL
    return subprocess.Popen(
        command, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True
    )


async def _schedule(stack: Stack, name: str, due: datetime) -> None:
    def only(value: int) -> Sequence[ScheduleRange]:
        return [ScheduleRange(value)]

    calendar = ScheduleCalendarSpec(
        second=only(due.second),
        minute=only(due.minute),
        hour=only(due.hour),
        day_of_month=only(due.day),
        month=only(due.month),
        year=only(due.year),
    )
    await stack.client.create_schedule(
        name,
        Schedule(
            action=ScheduleActionStartWorkflow(
                "AgentRun",
                {"agent": name, "input": Plan().document},
                id=name,
                task_queue=stack.task_queue,
            ),
            spec=ScheduleSpec(calendars=[calendar]),
        ),
    )


async def _each(names: Sequence[str], act: Callable[[str], Awaitable[object]]) -> None:
    left = iter(names)

    async def some() -> None:
        for name in left:
            await act(name)

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(some())


async def _all_closed(client: Client, count: int) -> list[WorkflowExecution]:
    """Every run, once all have succeeded or patience ends."""
    deadline = perf_counter() + PATIENCE
    while True:
        await asyncio.sleep(1)
        runs = [run async for run in client.list_workflows("WorkflowType = 'AgentRun'")]
        done = sum(run.status is WorkflowExecutionStatus.COMPLETED for run in runs)
        if done >= count or perf_counter() > deadline:
            return runs


def _tell(where: str, seen: Burst) -> None:
    p50, p99 = quantile(seen.lags, 0.5), quantile(seen.lags, 0.99)
    progress(f"{where}: start lag p50 {p50:.2f} s, p99 {p99:.2f} s, done {seen.finished:.0f} s")
