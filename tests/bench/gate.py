"""The breaker's gate while all is well: what each turn pays for it, and that it leaves nothing."""

from statistics import median
from time import perf_counter

from activities.breaker_gate import FRESH_SECONDS, BreakerGate
from activities.breakers import Breakers, read_breaker
from rota.ids import TASK_QUEUE
from tests.bench.arena import Arena
from tests.bench.measures import Effort, Measure

RUNTIME = ("openai", "bench of the gate")
TURN_SECONDS = 0.5
"""As short as a real turn ever is."""
SHARE = 0.02
"""Of such a turn, for the one that looks: a query of the server, by which all that follow
within a second know."""
FRESH_MICROSECONDS = 50.0
"""For those that follow: a lock, a clock, a count."""


async def measure(arena: Arena, effort: Effort) -> list[Measure]:
    """Passages with a look at the server, passages that believe it, and what is left of them."""
    breakers = Breakers(arena.rota.client, TASK_QUEUE)
    looks, following = effort.scaled(100, 20), effort.scaled(5000, 500)
    gate = BreakerGate(breakers)
    first = [await _seconds(BreakerGate(breakers), 1) for _ in range(looks)]
    # The first of them looks, and so does one a second: that is what a busy worker pays.
    each = [await _seconds(gate, following) / following for _ in range(effort.rounds)]
    breaker = await read_breaker(arena.rota.client, *RUNTIME)
    return [
        Measure(
            f"breaker's gate, with a look at the server, in terms of a turn of "
            f"{TURN_SECONDS * 1000:.0f} ms",
            median(first) / TURN_SECONDS,
            at_most=SHARE,
            detail=f"{median(first) * 1000:.1f} ms, once in {FRESH_SECONDS:g} s",
        ),
        Measure(
            "breaker's gate, on average of turns without a pause",
            median(each) * 1e6,
            "µs",
            at_most=FRESH_MICROSECONDS,
        ),
        Measure(
            "breakers that healthy calls leave on the server", int(breaker is not None), at_most=0
        ),
    ]


async def _seconds(gate: BreakerGate, calls: int) -> float:
    began = perf_counter()
    for _ in range(calls):
        async with gate.passing(*RUNTIME):
            pass
    return perf_counter() - began
