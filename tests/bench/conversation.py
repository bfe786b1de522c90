"""A conversation of 100 turns that grows to 200,000 tokens: what history holds of it."""

from collections.abc import Sequence

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent

from tests.bench.arena import Arena, finish
from tests.bench.carrying import CARRYING_QUEUE, serving_carrying, turns_until_the_end
from tests.bench.measures import Effort, Measure, progress
from tests.bench.workload import Plan

TURNS = 100
TOKENS = 200_000
LIMIT = 1024 * 1024


async def measure(arena: Arena, effort: Effort) -> list[Measure]:
    """History at a quarter, a half, three quarters and all of the turns."""
    plan = Plan(turns=TURNS, calls=TURNS - 1, tokens=TOKENS // TURNS)
    progress(f"a run of {TURNS} turns")
    handle = await arena.by_rota(plan)
    await finish(handle)
    history = await handle.fetch_history()
    sizes = _sizes_after_turns(history.events)
    marks = [sizes[TURNS * quarter // 4 - 1] for quarter in (1, 2, 3, 4)]
    total = sum(event.ByteSize() for event in history.events)
    first, second = marks[1], marks[3] - marks[1]
    return [
        Measure(
            f"history of {TURNS} turns growing to {TOKENS:,} tokens",
            total / 1024,
            "KiB",
            at_most=LIMIT / 1024,
            detail=f"{len(history.events)} events; after 25, 50, 75, 100 turns: "
            + ", ".join(f"{size / 1024:.0f}" for size in marks),
        ),
        Measure("its second half against its first (1 is linear)", second / first, at_most=1.1),
        *(await _carrying(arena) if not effort.quick else []),
    ]


def _sizes_after_turns(events: Sequence[HistoryEvent]) -> list[int]:
    """Size of history when each turn's activity had completed."""
    turns: set[int] = set()
    sizes: list[int] = []
    size = 0
    for event in events:
        size += event.ByteSize()
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
            scheduled = event.activity_task_scheduled_event_attributes
            if scheduled.activity_type.name == "invoke_model":
                turns.add(event.event_id)
        elif event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
            completed = event.activity_task_completed_event_attributes
            if completed.scheduled_event_id in turns:
                sizes.append(size)
    return sizes


async def _carrying(arena: Arena) -> list[Measure]:
    progress("the same with the conversation in the activities' inputs and results")
    async with serving_carrying(arena.plain):
        handle = await arena.plain.start_workflow(
            "Carrying",
            args=[TURNS, TOKENS // TURNS],
            id="carrying",
            task_queue=CARRYING_QUEUE,
        )
        turns, ended = await turns_until_the_end(handle)
    return [
        Measure(
            "turns until a loop that passes the conversation through activities dies",
            turns,
            detail=ended,
        )
    ]
