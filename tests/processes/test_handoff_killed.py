"""`kill -9` of the worker around calls of other agents: one run per call, one result each."""

import asyncio
import random
from collections import Counter
from pathlib import Path

from rota.ids import handoff_run_id
from rota.runs import RunStatus
from tests.processes.worker_process import kill, worker_process
from tests.stack import Stack, script
from tests.workflows.claude import events_of, kinds_of
from tests.workflows.gates import poll
from tests.workflows.handing import ANY_OBJECT, asks, declare_caller, told_by

TOOLS = '''
import time

from rota.tools import ToolContext, tool


@tool(name="books.match", effect="idempotent")
def match(context: ToolContext) -> str:
    """Leave a mark, then wait for the test."""
    with (context.fleet / "effects").open("a") as effects:
        effects.write(context.idempotency_key + "\\n")
    while (context.fleet / "hold").exists():
        time.sleep(0.02)
    return "matched"
'''
CALLS = 6


def effects(folder: Path) -> list[str]:
    """Keys of the effects so far, in order."""
    path = folder / "effects"
    return path.read_text().splitlines() if path.exists() else []


async def effects_reach(folder: Path, number: int) -> None:
    """Wait for so many effects."""

    async def ask() -> bool | None:
        return len(effects(folder)) >= number or None

    await poll(ask, 30)


async def test_worker_killed_during_a_handoff_leaves_one_run_and_one_result(stack: Stack) -> None:
    """Caller and called both go on elsewhere, the call's effect under its first key."""
    (stack.folder / "tools.py").write_text(TOOLS)
    hold = stack.folder / "hold"
    hold.touch()
    caller, called = stack.name("caller"), stack.name("called")
    async with worker_process(stack) as first:
        runtime = script({"calls": [{"tool": "books.match"}]}, {"result": "done"})
        await stack.declare(called, runtime=runtime, tools=["books.match"])
        await declare_caller(stack, caller, called)
        handle = await stack.start(caller, f"{caller}-1")
        await effects_reach(stack.folder, 1)
        kill(first)
    hold.unlink()
    async with worker_process(stack):
        result = await handle.result()
        state = await stack.keeper(called)
        started = Counter(kinds_of(await events_of(handle)))
    assert (result.status, result.output) == (RunStatus.SUCCEEDED, "done")
    assert started["CHILD_WORKFLOW_EXECUTION_STARTED"] == 1
    assert [entry.status for entry in state.ledger.values()] == [RunStatus.SUCCEEDED]
    assert len(set(effects(stack.folder))) == 1


async def test_workers_killed_at_random_points_start_no_run_twice(stack: Stack) -> None:
    """A row of calls, three of its workers killed: each call has one run and its own result."""
    (stack.folder / "tools.py").write_text(TOOLS)
    caller, called = stack.name("caller"), stack.name("called")
    turns = [{"calls": [asks(called, x=number)]} for number in range(CALLS)]
    pauses = random.Random(caller)
    async with worker_process(stack) as worker:
        runtime = script({"calls": [{"tool": "books.match"}]}, {"result": {"got": "{input.x}"}})
        await stack.declare(called, runtime=runtime, tools=["books.match"], output=ANY_OBJECT)
        await stack.declare(
            caller,
            runtime=script(*turns, {"result": told_by(called)}),
            tools=[f"agents.{called}"],
            output=ANY_OBJECT,
        )
        handle = await stack.start(caller, f"{caller}-1")
        await effects_reach(stack.folder, 1)
        await asyncio.sleep(pauses.uniform(0, 0.3))
        kill(worker)
    for after in (2, 4):
        async with worker_process(stack) as worker:
            await effects_reach(stack.folder, after)
            await asyncio.sleep(pauses.uniform(0, 0.3))
            kill(worker)
    async with worker_process(stack):
        result = await handle.result()
        state = await stack.keeper(called)
    runs = [entry.run.id for entry in state.ledger.values() if entry.run is not None]
    assert (result.status, result.output) == (RunStatus.SUCCEEDED, {"got": CALLS - 1})
    assert runs == [handoff_run_id(f"{caller}-1", called, n + 1, 0) for n in range(CALLS)]
    assert {entry.status for entry in state.ledger.values()} == {RunStatus.SUCCEEDED}
    assert len(set(effects(stack.folder))) == CALLS
