"""Events in a run's history: what Rota adds once, and what it adds per turn."""

from statistics import median

from tests.bench.arena import Arena, Start, finish
from tests.bench.measures import Effort, Measure
from tests.bench.workload import Plan

ONCE = 20
"""Events that admission, settlement and visibility may add to a whole run."""
SHORT, LONG = Plan(turns=3, calls=3), Plan(turns=10, calls=10)


async def measure(arena: Arena, effort: Effort) -> list[Measure]:
    """Compare short runs, and the growth from short to long ones."""
    hand_short, rota_short = [await _events(s, SHORT, effort) for s in _sides(arena)]
    hand_long, rota_long = [await _events(s, LONG, effort) for s in _sides(arena)]
    further = LONG.turns - SHORT.turns
    hand_turn, rota_turn = (hand_long - hand_short) / further, (rota_long - rota_short) / further
    return [
        Measure(
            "events beyond the hand-written loop's, 3 turns and 3 tool calls",
            rota_short - hand_short,
            at_most=ONCE,
            detail=f"{rota_short:g} against {hand_short:g}",
        ),
        Measure(
            "events of a further turn beyond the hand-written loop's",
            rota_turn - hand_turn,
            # Two tools of one turn may end in one workflow task or in two.
            at_most=0.5,
            detail=f"{rota_turn:.3g} against {hand_turn:.3g}",
        ),
    ]


def _sides(arena: Arena) -> tuple[Start, Start]:
    return arena.by_hand, arena.by_rota


async def _events(start: Start, plan: Plan, effort: Effort) -> float:
    counts: list[int] = []
    for _ in range(max(3, effort.rounds)):
        handle = await start(plan)
        await finish(handle)
        counts.append(len((await handle.fetch_history()).events))
    return median(counts)
