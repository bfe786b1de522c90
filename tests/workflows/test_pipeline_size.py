"""Large pipelines, and runs that continue as new in the middle of everything."""

from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowHandle
from temporalio.worker import Replayer

from rota.runs import RunStatus
from rota.tools import tool
from tests.hasty import hasty_server
from tests.pipelines import (
    INSTANT,
    Flaky,
    declare_pipeline,
    result_of,
    run_pipeline,
    start_pipeline,
    worker_of,
)
from tests.replay.scenarios import chain
from tests.stack import Stack, open_stack
from workers.plugin import RUN_WORKFLOWS, RotaPlugin

SUGGESTED = 4096
"""Events of history from which on a server suggests to continue as new, unless told another."""


@asynccontextmanager
async def suggesting_at(events: int, folder: Path) -> AsyncGenerator[Stack]:
    """A stack on a server of its own that suggests continue-as-new after so many events."""
    async with hasty_server(events) as running:
        yield await open_stack(running.address, folder)


async def most_starts_in_a_task(handle: WorkflowHandle[Any, Any]) -> int:
    """The largest number of runs that one workflow task has started."""
    batches: Counter[int] = Counter()
    async for event in handle.fetch_history_events():
        if event.HasField("start_child_workflow_execution_initiated_event_attributes"):
            attributes = event.start_child_workflow_execution_initiated_event_attributes
            batches[attributes.workflow_task_completed_event_id] += 1
    return max(batches.values(), default=0)


async def replayed(stack: Stack, run_id: str) -> int:
    """Replay every execution of a run with nothing but its history; return how many."""
    replayer = Replayer(workflows=RUN_WORKFLOWS, plugins=[RotaPlugin(stack.store)])
    executions = await chain(stack.client, run_id)
    for execution in executions:
        handle = stack.client.get_workflow_handle(run_id, run_id=execution)
        await replayer.replay_workflow(await handle.fetch_history())
    return len(executions)


async def test_pipeline_continued_as_new_repeats_and_loses_nothing(hasty: Stack) -> None:
    """A chain of 12 with failures in it: every node as often as it should, and in order."""
    flaky = Flaky(work=3)
    async with hasty.worker([flaky.tool]):
        name = hasty.name("chain")
        await hasty.declare(hasty.name("work"), **worker_of("work"))
        nodes: dict[str, Any] = {"n0": {"agent": hasty.name("work"), "attempts": 4}}
        for n in range(1, 12):
            nodes[f"n{n}"] = {"agent": hasty.name("work"), "after": [f"n{n - 1}"]}
        await declare_pipeline(hasty, name, nodes=nodes)
        result = await run_pipeline(hasty, name, f"{name}-1")
        executions = await replayed(hasty, f"{name}-1")
        entries = (await hasty.keeper(name)).ledger.values()
    assert result.status is RunStatus.SUCCEEDED
    assert flaky.calls == {"work": 15}
    assert [result.nodes[node].attempts for node in nodes] == [4] + [1] * 11
    assert executions > 2
    assert [entry.status for entry in entries] == [RunStatus.SUCCEEDED]


@pytest.mark.parametrize(
    ("items", "events"), [(40, 15), pytest.param(100, 60, marks=pytest.mark.soak)]
)
async def test_pipeline_that_is_never_idle_drains_before_it_continues_as_new(
    items: int, events: int, tmp_path: Path
) -> None:
    """A fan-out over several executions: each item once, none left behind."""
    done: Counter[int] = Counter()

    @tool(name="count.item")
    async def count(item: int) -> int:
        """Count an item."""
        done[item] += 1
        return item

    async with suggesting_at(events, tmp_path) as hasty, hasty.worker([count]):
        name = hasty.name("busy")
        await hasty.declare(
            hasty.name("count"),
            runtime={
                "kind": "scripted",
                "turns": [
                    {"calls": [{"tool": "count.item", "args": {"item": "{input.item}"}}]},
                    {"result": "{results.count_item}"},
                ],
            },
            tools=["count.item"],
            session={"concurrency": "parallel"},
        )
        nodes = {
            "fan": {
                "agent": hasty.name("count"),
                "for_each": list(range(items)),
                "parallel": 4,
                "input": {"item": "{item}"},
            },
        }
        await declare_pipeline(hasty, name, nodes=nodes)
        result = await run_pipeline(hasty, name, f"{name}-1")
        executions = await replayed(hasty, f"{name}-1")
    assert result.status is RunStatus.SUCCEEDED
    assert result.nodes["fan"].output == [str(n) for n in range(items)]
    assert done == dict.fromkeys(range(items), 1)
    assert executions > 2


@pytest.mark.parametrize(
    "widths",
    [
        pytest.param([52, 3], id="more than a task may start"),
        pytest.param([50] * 6, id="six layers of 50", marks=pytest.mark.soak),
    ],
)
async def test_pipeline_of_many_nodes_in_layers(stack: Stack, widths: list[int]) -> None:
    """Every node once, and no workflow task starts more than fifty."""
    async with stack.worker():
        name, agent = stack.name("layers"), stack.name("echo")
        await stack.declare(agent, **INSTANT)
        nodes: dict[str, Any] = {}
        above: list[str] = []
        for layer, width in enumerate(widths):
            names = [f"l{layer}-n{n}" for n in range(width)]
            for n, node in enumerate(names):
                after = [above[n], above[(n + 1) % len(above)]] if above else []
                nodes[node] = {"agent": agent, "after": after}
            above = names
        await declare_pipeline(stack, name, nodes=nodes)
        handle = await start_pipeline(stack, name, f"{name}-1")
        result = await result_of(handle)
        first = stack.client.get_workflow_handle(f"{name}-1", run_id=handle.first_execution_run_id)
        most = await most_starts_in_a_task(first)
    assert result.status is RunStatus.SUCCEEDED
    statuses = Counter(node.status for node in result.nodes.values())
    assert statuses == {RunStatus.SUCCEEDED: sum(widths)}
    assert most <= 50


@pytest.mark.timeout(240)
@pytest.mark.parametrize("length", [16, pytest.param(500, marks=pytest.mark.soak)])
async def test_pipeline_of_many_nodes_in_a_chain(length: int, tmp_path: Path) -> None:
    """One after the other, each given the one before; it continues as new on the way.

    At 500 where every server suggests it, and a shorter one in proportion.
    """
    async with suggesting_at(SUGGESTED * length // 500, tmp_path) as stack, stack.worker():
        name, agent = stack.name("chain"), stack.name("echo")
        await stack.declare(agent, **INSTANT)
        nodes: dict[str, Any] = {"n0": {"agent": agent, "input": {"value": "0"}}}
        for n in range(1, length):
            nodes[f"n{n}"] = {
                "agent": agent,
                "after": [f"n{n - 1}"],
                "input": {"value": f"{{n{n - 1}.output}}"},
            }
        await declare_pipeline(stack, name, nodes=nodes)
        handle = await start_pipeline(stack, name, f"{name}-1")
        result = await result_of(handle)
        executions = await chain(stack.client, f"{name}-1")
    assert len(executions) == 2
    assert result.status is RunStatus.SUCCEEDED
    assert result.nodes[f"n{length - 1}"].output == "0"
    assert Counter(node.attempts for node in result.nodes.values()) == {1: length}
