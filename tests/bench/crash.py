"""`kill -9` of the worker in a turn: how soon another goes on, and what it repeats."""

import asyncio
from collections import Counter
from statistics import median
from time import perf_counter
from typing import Any

from temporalio.api.enums.v1 import PendingActivityState
from temporalio.client import WorkflowHandle

from tests.bench.arena import PARALLEL, Arena, finish
from tests.bench.measures import Effort, Measure, progress
from tests.bench.serve import bench_stack, start_worker
from tests.bench.workload import AGENT, Plan, noted

QUEUE = "bench-crash"
NAME = f"{PARALLEL}-crash"
PATIENCE = 60.0


async def measure(arena: Arena, effort: Effort) -> list[Measure]:
    """Kill the worker in the last of three turns, with another one standing by."""
    folder, address = arena.rota.folder, arena.server.address
    stack = await bench_stack(address, folder, QUEUE)
    workers = {w.pid: w for w in (start_worker(address, folder, QUEUE) for _ in range(2))}
    delays: list[float] = []
    repeated = 0
    try:
        await stack.declare(NAME, **AGENT)
        for trial in range(max(3, effort.rounds)):
            plan = Plan(seconds=1.3, journal=str(folder / f"journal-{trial}"))
            handle = await stack.start(NAME, f"crash-{trial}", input=plan.document)
            victim = workers.pop(await _worker_in_last_turn(handle, plan))
            began = perf_counter()
            victim.kill()
            victim.wait()
            await asyncio.wait_for(finish(handle), PATIENCE)
            delays.append(perf_counter() - began - plan.seconds)
            counts = Counter(noted(plan))
            repeated += sum(counts.values()) - len(counts)
            progress(f"trial {trial + 1}: went on and ended {delays[-1]:.2f} s + the turn's own")
            fresh = start_worker(address, folder, QUEUE)
            workers[fresh.pid] = fresh
    finally:
        for worker in workers.values():
            worker.kill()
            worker.wait()
    return [
        Measure(
            "end of a run after kill -9 of its worker, beyond the turn's own time, worst",
            max(delays),
            "s",
            at_most=5.0,
            detail=f"median {median(delays):.2f} s of {len(delays)}",
        ),
        Measure("finished turns and tool calls that were repeated", repeated, at_most=0),
    ]


async def _worker_in_last_turn(handle: WorkflowHandle[Any, Any], plan: Plan) -> int:
    """Wait until the last turn is nearly done; return the process that takes it."""
    before = plan.turns - 1
    async with asyncio.timeout(PATIENCE):
        while True:
            await asyncio.sleep(0.02)
            done = sum(line.startswith(f"call {before}.") for line in noted(plan))
            if done < plan.calls_in(before):
                continue
            raw = (await handle.describe()).raw_description
            for pending in raw.pending_activities:
                started = PendingActivityState.PENDING_ACTIVITY_STATE_STARTED
                if pending.activity_type.name == "invoke_model" and pending.state == started:
                    # Just after the first heartbeat, so that the second is long in coming.
                    await asyncio.sleep(plan.seconds - 0.25)
                    return int(pending.last_worker_identity.partition("@")[0])
