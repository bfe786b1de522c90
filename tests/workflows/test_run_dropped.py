"""A run that vanishes from a worker's memory in the middle of a wait does nothing more there."""

import gc
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from temporalio.worker import Worker

import workers.worker
from rota.runs import RunStatus
from tests.pipelines import declare_pipeline, start_pipeline
from tests.stack import Stack, script
from tests.workflows.gates import GATED, Gate
from tests.workflows.standing import this_second, waits

DONE: dict[str, Any] = {"runtime": script({"result": "done"})}


class ForgetfulWorker(Worker):
    """Leaves its runs to the garbage collector, which unwinds them outside of any workflow."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options, disable_safe_workflow_eviction=True)


async def held_up(stack: Stack, gate: Gate) -> str:
    """An agent whose run is at work, in its lock; returns its name."""
    name = stack.name("holder")
    await stack.declare(name, **GATED, locks=[stack.name("books")])
    await stack.start(name, f"{name}-1", slot=this_second().isoformat())
    await gate.reached.wait()
    return name


async def for_needs(stack: Stack, gate: Gate) -> None:
    """A run that waits for two others."""
    upstream, late, name = await held_up(stack, gate), stack.name("late"), stack.name("mail")
    await stack.declare(late, **DONE)
    await stack.declare(name, **DONE, needs=[{"agent": upstream}, {"agent": late}])
    run = await stack.start(name, f"{name}-1", slot=this_second().isoformat())
    assert len(await waits(run)) == 2


async def for_a_lock(stack: Stack, gate: Gate) -> None:
    """A run that waits for a lock while it holds another one."""
    await held_up(stack, gate)
    name = stack.name("post")
    await stack.declare(name, **DONE, locks=[stack.name("accounts"), stack.name("books")])
    assert await waits(await stack.start(name, f"{name}-1"))


async def for_its_turn(stack: Stack, gate: Gate) -> None:
    """A run in the queue of its session."""
    name = await held_up(stack, gate)
    assert await waits(await stack.start(name, f"{name}-2"), RunStatus.QUEUED)


async def for_a_node(stack: Stack, gate: Gate) -> None:
    """A pipeline with one node at work and one to come at a time of the clock."""
    agent, name = stack.name("worker"), stack.name("pipeline")
    await stack.declare(agent, **GATED)
    nodes = {"now": {"agent": agent}, "later": {"agent": agent, "not_before": "1h"}}
    await declare_pipeline(stack, name, nodes=nodes)
    await start_pipeline(stack, name, f"{name}-1", slot=this_second().isoformat())
    await gate.reached.wait()


async def for_an_approval(stack: Stack, gate: Gate) -> None:
    """A run whose call nobody has decided on."""
    name = stack.name("asker")
    await stack.declare(name, **GATED, approvals={"gate.pass": "always"})
    assert await waits(await stack.start(name, f"{name}-1"), RunStatus.AWAITING_APPROVAL)


@pytest.mark.parametrize(
    "waiting", [for_needs, for_a_lock, for_its_turn, for_a_node, for_an_approval]
)
async def test_run_collected_while_it_waits_leaves_in_silence(
    stack: Stack,
    monkeypatch: pytest.MonkeyPatch,
    waiting: Callable[[Stack, Gate], Awaitable[None]],
) -> None:
    """Nothing of a workflow can be done outside of its loop, and nothing is tried."""
    complaints: list[str] = []

    def complain(wrong: Any) -> None:
        complaints.append(f"{wrong.exc_value!r} in {wrong.object!r}")

    gate = Gate()
    monkeypatch.setattr(workers.worker, "Worker", ForgetfulWorker)
    async with stack.worker([gate.tool]):
        await waiting(stack, gate)
    monkeypatch.setattr(sys, "unraisablehook", complain)
    gc.collect()
    assert complaints == []
