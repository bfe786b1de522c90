"""What Rota adds to a turn or a task, runtime by runtime, against the vendor's SDK in a loop.

Twice. The runtime's object by itself against the loop, task by task in turns, with a provider
that answers at once: that is the runtime's own work. And whole runs on the real server against
the loop, with a provider that takes its time: that is what a user sees.
"""

import itertools
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter
from typing import Any
from unittest.mock import patch

from tests.bench.arena import Arena, finish
from tests.bench.measures import Effort, Measure, progress, ratio
from tests.bench.vendors.alone import alone
from tests.bench.vendors.by_hand import POLL_SECONDS, OneTask
from tests.bench.vendors.known import VENDORS, Vendor
from tests.contract.bench import RuntimeBench

ANSWER = "There are seven boxes, and all of them are booked."
PROVIDER_SECONDS = 0.5
"""How long the provider works in whole runs: as short as a real turn ever is."""
AT_MOST_WHOLE = 1.5
"""A run on its own, admitted, recorded and settled, may add half of the shortest turn."""


async def measure(arena: Arena, effort: Effort) -> list[Measure]:
    """Every runtime, one after the other."""
    return [measure for vendor in VENDORS for measure in await _measure(arena, vendor, effort)]


@dataclass
class _Sides:
    """The same task in three ways, on one fake."""

    bench: RuntimeBench
    by_hand: OneTask
    alone: OneTask
    whole: OneTask
    words: Iterator[str] = field(default_factory=lambda: (f"task-{n}" for n in itertools.count()))

    async def seconds(self, one: OneTask, takes: float = 0.0) -> float:
        """Do one task; returns how long it took."""
        self.bench.answer(ANSWER, seconds=takes)
        word = next(self.words)
        began = perf_counter()
        answer = await one(word)
        took = perf_counter() - began
        if answer != ANSWER:
            raise RuntimeError(f"{self.bench.kind.kind} answered {answer!r}")
        return took


async def _measure(arena: Arena, vendor: Vendor, effort: Effort) -> list[Measure]:
    tasks, runs = effort.scaled(30, 5), 2
    hand: list[float] = []
    object_: list[float] = []
    slow_hand: list[float] = []
    whole: list[float] = []
    async with _opened(arena, vendor) as sides:
        for one in (sides.by_hand, sides.alone, sides.whole):
            await sides.seconds(one)  # opens clients and imports
        for _ in range(effort.rounds):
            pairs = [
                (await sides.seconds(sides.by_hand), await sides.seconds(sides.alone))
                for _ in range(tasks)
            ]
            hand.append(median(pair[0] for pair in pairs))
            object_.append(median(pair[1] for pair in pairs))
            pairs = [
                (
                    await sides.seconds(sides.by_hand, PROVIDER_SECONDS),
                    await sides.seconds(sides.whole, PROVIDER_SECONDS),
                )
                for _ in range(runs)
            ]
            slow_hand.append(median(pair[0] for pair in pairs))
            whole.append(median(pair[1] for pair in pairs))
    progress(f"{vendor.name} done")
    added = median(whole) - median(slow_hand)
    return [
        Measure(
            f"{vendor.name}: the runtime alone against its SDK in a loop",
            ratio(hand, object_),
            at_most=vendor.at_most,
            detail=f"{median(object_) * 1000:.1f} ms against {median(hand) * 1000:.1f} ms",
        ),
        Measure(
            f"{vendor.name}: a whole run against the loop, the provider takes "
            f"{PROVIDER_SECONDS * 1000:.0f} ms",
            ratio(slow_hand, whole),
            at_most=AT_MOST_WHOLE,
            detail=f"{added * 1000:.0f} ms added",
        ),
    ]


@asynccontextmanager
async def _opened(arena: Arena, vendor: Vendor) -> AsyncIterator[_Sides]:
    async with vendor.bench() as bench:
        with patch.dict(os.environ, bench.environment):
            poll = {"poll": f"{POLL_SECONDS * 1000:.0f}ms"} if vendor.is_session else {}
            settings = bench.settings(**_known_to(bench, poll))
            name = f"bench-{vendor.name.replace(' ', '-')}"
            await arena.rota.declare(
                name,
                runtime=settings,
                instructions="Be brief.",
                session={"concurrency": "parallel"},
            )

            async def whole(word: str) -> str:
                return await finish(await arena.rota.start(name, f"{name}-{word}"))

            async with vendor.by_hand(settings) as by_hand, alone(settings) as runtime:
                yield _Sides(bench, by_hand, runtime, whole)


def _known_to(bench: RuntimeBench, block: dict[str, Any]) -> dict[str, Any]:
    fields = bench.kind.settings.model_fields
    return {name: value for name, value in block.items() if name in fields}
