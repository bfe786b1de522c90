"""One server with both sides served on it, so that every ratio is of like with like."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

from temporalio.client import Client, WorkflowHandle

from activities.runtimes.open import OpenRuntimes
from activities.stores.open import open_store
from rota.ids import TASK_QUEUE
from rota.runs import RunStatus
from tests.bench.hand_written import HAND_QUEUE, serving_by_hand
from tests.bench.workload import AGENT, MAKERS, Plan, look_up
from tests.stack import Stack
from workers.connection import connect
from workers.devserver import DevServer, dev_server
from workers.settings import Settings

PARALLEL = "bench-parallel"
KEYED = "bench-keyed"

Start = Callable[[Plan], Awaitable[WorkflowHandle[Any, Any]]]
"""Starts one run of a plan, on one side or the other."""


@dataclass
class Arena:
    """Both sides, ready to be asked for runs."""

    server: DevServer
    rota: Stack
    plain: Client
    numbers: Iterator[int] = field(default_factory=itertools.count)

    async def by_rota(self, plan: Plan) -> WorkflowHandle[Any, Any]:
        """Start a run of an agent whose runs go side by side."""
        return await self.rota.start(PARALLEL, f"rota-{next(self.numbers)}", input=plan.document)

    async def by_rota_keyed(self, plan: Plan) -> WorkflowHandle[Any, Any]:
        """Start a run with a session of its own, of an agent with the default queueing."""
        number = next(self.numbers)
        document = {**plan.document, "key": number}
        return await self.rota.start(KEYED, f"keyed-{number}", input=document)

    async def by_hand(self, plan: Plan) -> WorkflowHandle[Any, Any]:
        """Start a run of the hand-written loop."""
        number = next(self.numbers)
        return await self.plain.start_workflow(
            "HandWritten", plan, id=f"hand-{number}", task_queue=HAND_QUEUE
        )


@asynccontextmanager
async def open_arena(folder: Path) -> AsyncIterator[Arena]:
    """Start `rota dev`'s server on a file, and a worker for each side in this process."""
    async with dev_server(database=folder / "temporal.db") as server:
        store_address = str(folder / "store")
        store = open_store(store_address)
        client = await connect(
            Settings.read(folder, store=store_address, address=server.address), store
        )
        stack = Stack(server.address, folder, store, client, TASK_QUEUE, OpenRuntimes(MAKERS))
        arena = Arena(server, stack, await Client.connect(server.address))
        async with stack.worker([look_up]), serving_by_hand(arena.plain, store):
            await stack.declare(PARALLEL, **AGENT)
            keyed = {"key": "{input.key}"}
            await stack.declare(KEYED, **{**AGENT, "session": keyed})
            for start in (arena.by_hand, arena.by_rota, arena.by_rota_keyed):
                await finish(await start(Plan()))
            yield arena


async def finish(handle: WorkflowHandle[Any, Any]) -> Any:
    """Wait for a run's end, insist that it was a good one, and return its output."""
    result = await handle.result()
    status = getattr(result, "status", RunStatus.SUCCEEDED)
    if status is not RunStatus.SUCCEEDED:
        raise RuntimeError(f"{handle.id} ended as {status}: {result}")
    return getattr(result, "output", None)


async def all_at_once(start: Start, plan: Plan, runs: int, concurrency: int) -> float:
    """Do `runs` runs, `concurrency` at a time; return the seconds they took together."""
    left = itertools.count(1)

    async def one_after_another() -> None:
        while next(left) <= runs:
            await finish(await start(plan))

    began = perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(min(concurrency, runs)):
            group.create_task(one_after_another())
    return perf_counter() - began
