"""How soon a fallback takes over: from a runtime that is overloaded, and from one that is open.

Whole runs of one turn on a real server; the providers are in this process, so that it is known
when each was asked.
"""

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter

from rota.failures import FailureCategory, StepError
from rota.runtimes.breaker import BreakerPolicy
from tests.bench.arena import finish
from tests.bench.measures import Effort, Measure, progress
from tests.bench.serve import bench_stack
from tests.stack import Stack
from tests.workflows.providers import Provider, asks, provide
from workers.devserver import dev_server

TURN_SECONDS = 0.5
"""How long the fallback takes for its turn: as short as a real one ever is."""
AT_MOST = 0.25
"""Of such a turn, from the failure to the question that the fallback is asked."""
DOWN = StepError(FailureCategory.OVERLOADED, "no capacity")
NEVER = BreakerPolicy(min_calls=1_000_000, in_a_row=1_000_000)
AT_ONCE = BreakerPolicy(in_a_row=1, open_seconds=600.0)


async def measure(folder: Path, effort: Effort) -> list[Measure]:
    """Runs whose runtime fails them, and runs whose runtime is held, against undisturbed ones."""
    runs = effort.rounds * effort.scaled(10, 3)
    async with dev_server(database=folder / "temporal.db") as server:
        stack = await bench_stack(server.address, folder, "bench-overloaded")
        async with _served(stack, NEVER) as (main, spare):
            await _run(stack, "failing", "warm")
            taken: list[float] = []
            for number in range(runs):
                await _run(stack, "failing", str(number))
                taken.append(spare.times[-1] - main.times[-1])
        progress("overloaded: done")
        stack = await bench_stack(server.address, folder, "bench-open")
        async with _served(stack, AT_ONCE) as (main, _):
            await _run(stack, "failing", "opens")
            held: list[float] = []
            plain: list[float] = []
            for number in range(runs):
                plain.append(await _run(stack, "plain", str(number)))
                held.append(await _run(stack, "failing", str(number)))
            asked = main.calls - 1
    added = median(h - p for h, p in zip(held, plain, strict=True))
    return [
        Measure(
            "time until a fallback takes over from a runtime that failed, in terms of a turn of "
            f"{TURN_SECONDS * 1000:.0f} ms",
            median(taken) / TURN_SECONDS,
            at_most=AT_MOST,
            detail=f"{median(taken) * 1000:.0f} ms",
        ),
        Measure(
            "time a run loses by a first runtime whose breaker is open, in terms of such a turn",
            added / TURN_SECONDS,
            at_most=AT_MOST,
            detail=f"{added * 1000:.0f} ms; {asked} of {runs} runs asked it",
        ),
    ]


@asynccontextmanager
async def _served(stack: Stack, policy: BreakerPolicy) -> AsyncIterator[tuple[Provider, Provider]]:
    """Serve an agent whose first runtime is down, and one that asks the fallback at once."""
    main, spare = Provider(), Provider()
    main.down, spare.seconds = DOWN, TURN_SECONDS
    provide(stack, main=main, spare=spare)
    stack.breaker_policy = policy
    chain = asks(stack, fallback=[asks(stack, "spare")], fallback_after=1)
    async with stack.worker():
        for name, runtime in (("failing", chain), ("plain", asks(stack, "spare"))):
            await stack.declare(
                stack.name(name), runtime=runtime, session={"concurrency": "parallel"}
            )
        with _quiet():
            yield main, spare


@contextmanager
def _quiet() -> Iterator[None]:
    """The worker tells of each failed step with its stack; here all of them are meant."""
    log = logging.getLogger("temporalio")
    level = log.level
    log.setLevel(logging.CRITICAL)
    yield
    log.setLevel(level)


async def _run(stack: Stack, name: str, number: str) -> float:
    """Seconds of one run."""
    agent = stack.name(name)
    began = perf_counter()
    await finish(await stack.start(agent, f"{agent}-{number}"))
    return perf_counter() - began
