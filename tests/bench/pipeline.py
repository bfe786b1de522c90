"""Pipelines of 100 instant agents against as many hand-written child workflows.

Three shapes: all at once, in stages, one after the other. A node's agent takes one turn
and calls no tool, so what is compared is nearly all Temporal's work and Rota's own.
"""

from collections.abc import Mapping, Sequence
from statistics import median
from time import perf_counter
from typing import Any

from temporalio.client import WorkflowHandle

from tests.bench.arena import PARALLEL, Arena, finish
from tests.bench.hand_written import HAND_QUEUE
from tests.bench.measures import Effort, Measure, progress, ratio
from tests.bench.workload import Plan
from tests.pipelines import declare_pipeline, start_pipeline

INSTANT = Plan(turns=1, calls=0)


async def measure(arena: Arena, effort: Effort) -> list[Measure]:
    """Nodes a second in each shape, and what a node costs in events."""
    nodes = effort.scaled(100, 50)
    shapes = {
        f"{nodes} nodes at once": [nodes],
        f"{nodes} nodes in 10 stages": [nodes // 10] * 10,
        f"a chain of {nodes} nodes": [1] * nodes,
    }
    measures = [
        await _compare(arena, shape, stages, effort, number)
        for number, (shape, stages) in enumerate(shapes.items())
    ]
    return [*measures, *await _events(arena, [nodes // 10] * 10)]


def staged(agent: str, stages: Sequence[int], plan: Plan) -> Mapping[str, dict[str, Any]]:
    """Nodes of `agent`; those of a stage run after all of the stage before."""
    nodes: dict[str, dict[str, Any]] = {}
    before: list[str] = []
    for stage, width in enumerate(stages):
        names = [f"s{stage}-n{number}" for number in range(width)]
        fields = {"agent": agent, "after": before, "input": plan.document}
        nodes |= dict.fromkeys(names, fields)
        before = names
    return nodes


async def _compare(
    arena: Arena, shape: str, stages: Sequence[int], effort: Effort, number: int
) -> Measure:
    name = f"bench-pipeline-{number}"
    await declare_pipeline(arena.rota, name, nodes=staged(PARALLEL, stages, INSTANT))
    hand: list[float] = []
    rota: list[float] = []
    for turn in range(effort.rounds):
        hand.append(sum(stages) / await _seconds(await _by_hand(arena, stages)))
        rota.append(sum(stages) / await _seconds(await _by_rota(arena, name)))
        progress(f"{shape}, round {turn + 1}: by hand {hand[-1]:.1f}/s, Rota {rota[-1]:.1f}/s")
    return Measure(
        f"throughput of a pipeline against hand-written child workflows, {shape}",
        ratio(hand, rota),
        at_least=0.5,
        detail=f"{median(rota):.1f} nodes/s against {median(hand):.1f}",
    )


async def _events(arena: Arena, stages: Sequence[int]) -> list[Measure]:
    name, nodes = "bench-pipeline-events", sum(stages)
    await declare_pipeline(arena.rota, name, nodes=staged(PARALLEL, stages, INSTANT))
    rota, hand = await _by_rota(arena, name), await _by_hand(arena, stages)
    for handle in (rota, hand):
        await finish(handle)
    return [
        Measure(
            f"events of a pipeline's history per node, {nodes} nodes in {len(stages)} stages",
            await _length(arena, rota.id) / nodes,
            detail=f"{await _length(arena, hand.id) / nodes:.3g} by hand",
        ),
        Measure(
            "events of a node's own run, one turn",
            await _length(arena, f"{rota.id}/s0-n0"),
            detail=f"{await _length(arena, f'{hand.id}/0.0')} by hand",
        ),
    ]


async def _by_hand(arena: Arena, stages: Sequence[int]) -> WorkflowHandle[Any, Any]:
    return await arena.plain.start_workflow(
        "HandWrittenStages",
        args=[INSTANT, list(stages)],
        id=f"hand-{next(arena.numbers)}",
        task_queue=HAND_QUEUE,
    )


async def _by_rota(arena: Arena, name: str) -> WorkflowHandle[Any, Any]:
    return await start_pipeline(arena.rota, name, f"{name}-{next(arena.numbers)}")


async def _seconds(handle: WorkflowHandle[Any, Any]) -> float:
    # From the start that the server has confirmed: the same on both sides.
    began = perf_counter()
    await finish(handle)
    return perf_counter() - began


async def _length(arena: Arena, workflow_id: str) -> int:
    handle = arena.plain.get_workflow_handle(workflow_id)
    return len((await handle.fetch_history()).events)
