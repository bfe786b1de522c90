"""Runs a second with 50 at once, and the time one run takes alone."""

from statistics import median

from tests.bench.arena import Arena, Start, all_at_once
from tests.bench.measures import Effort, Measure, progress, ratio
from tests.bench.workload import Plan

CONCURRENCY = 50


async def measure(arena: Arena, effort: Effort) -> list[Measure]:
    """Runs of 3 and of 10 turns, and the default queueing with a session for each run."""
    short, long = Plan(turns=3, calls=3), Plan(turns=10, calls=10)
    runs = effort.scaled(150, 60)
    return [
        await _compare(arena.by_rota, arena, "runs of 3 turns", short, runs, 0.55, effort),
        await _compare(arena.by_rota, arena, "runs of 10 turns", long, runs * 2 // 3, 0.8, effort),
        await _compare(
            arena.by_rota_keyed,
            arena,
            "runs of 3 turns, each with a session of its own",
            short,
            runs,
            0.55,
            effort,
        ),
    ]


async def _compare(
    by_rota: Start, arena: Arena, name: str, plan: Plan, runs: int, target: float, effort: Effort
) -> Measure:
    hand: list[float] = []
    rota: list[float] = []
    for number in range(effort.rounds):
        for start, rates in ((arena.by_hand, hand), (by_rota, rota)):
            rates.append(runs / await all_at_once(start, plan, runs, CONCURRENCY))
        progress(f"{name}, round {number + 1}: by hand {hand[-1]:.1f}/s, Rota {rota[-1]:.1f}/s")
    return Measure(
        f"throughput at concurrency {CONCURRENCY} against the hand-written loop, {name}",
        ratio(hand, rota),
        at_least=target,
        detail=f"{median(rota):.1f} runs/s against {median(hand):.1f}",
    )


async def measure_alone(arena: Arena, effort: Effort) -> list[Measure]:
    """One run of 3 turns at a time: what is not the model's own time."""
    plan = Plan(turns=3, calls=3, seconds=0.1)
    hand: list[float] = []
    rota: list[float] = []
    for _ in range(max(3, effort.rounds) * effort.scaled(7, 3)):
        for start, times in ((arena.by_hand, hand), (arena.by_rota, rota)):
            times.append(await all_at_once(start, plan, 1, 1) - plan.alone)
    return [
        Measure(
            "time of one run beyond the model's own, against the hand-written loop",
            median(rota) / median(hand),
            at_most=1.5,
            detail=f"{median(rota) * 1000:.0f} ms against {median(hand) * 1000:.0f} ms",
        )
    ]
