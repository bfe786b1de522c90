"""What is recorded: one function per scenario, each leaving executions worth replaying."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from temporalio.client import Client, WorkflowFailureError, WorkflowHandle

from rota.ids import keeper_id
from rota.runs import RunStatus
from rota.tools import tool
from tests.stack import Stack, script

DONE = script({"result": "done"})
SLOW = script({"result": "late", "seconds": 60})
TOTAL = {"type": "object", "properties": {"total": {"type": "integer"}}, "required": ["total"]}


@dataclass(frozen=True)
class Recording:
    """One execution to keep."""

    name: str
    workflow_id: str
    run_id: str | None = None


Scenario = Callable[[Stack], Awaitable[list[Recording]]]


@tool(name="calc.add")
def add(a: int, b: int) -> dict[str, int]:
    """Add two numbers."""
    return {"sum": a + b}


TOOLS = (add,)


async def simple(stack: Stack) -> list[Recording]:
    """A run of one turn, and the keeper that saw nothing else."""
    await stack.declare("simple", runtime=DONE, emits=["simple.done"])
    await stack.run("simple", "simple-1", slot="2026-11-22T06:00:00Z")
    return [Recording("run-simple", "simple-1"), Recording("keeper-simple", keeper_id("simple"))]


async def tools_and_repair(stack: Stack) -> list[Recording]:
    """Parallel calls, a memory patch, a mistaken call, and an answer mended in one turn."""
    await stack.declare(
        "adder",
        runtime=script(
            {
                "calls": [
                    {"tool": "calc.add", "args": {"a": 1, "b": 2}},
                    {"tool": "calc.add", "args": {"a": "one"}},
                    {"tool": "memory.update", "args": {"patch": {"seen": 1}}},
                ]
            },
            {"result": {"sum": 3}},
            {"result": {"total": 3}},
        ),
        tools=["calc.add", "memory.update"],
        output={"schema": TOTAL},
    )
    await stack.run("adder", "adder-1")
    return [Recording("run-tools-and-repair", "adder-1")]


async def checked(stack: Stack) -> list[Recording]:
    """A result that fits its schema and fails a check."""
    checks = {"many": {"condition": "output.total > 5"}, "few": {"condition": "output.total < 9"}}
    runtime, schema = script({"result": {"total": 3}}), {"schema": TOTAL}
    await stack.declare("checked", runtime=runtime, output=schema, checks=checks)
    await ended(await stack.start("checked", "checked-1"))
    return [Recording("run-checked", "checked-1")]


async def graded(stack: Stack) -> list[Recording]:
    """A result that another agent judges."""
    verdict = {"result": {"verdict": "pass", "reason": "as asked"}}
    await stack.declare("judge", runtime=script(verdict), output={"schema": {"type": "object"}})
    await stack.declare("graded", runtime=DONE, checks={"careful": {"agent": "judge"}})
    result = await stack.run("graded", "graded-1")
    assert [each.state for each in result.checks] == ["passed"]
    return [Recording("run-graded", "graded-1")]


async def failed(stack: Stack) -> list[Recording]:
    """A step that cannot be mended, a run that is blocked, an agent that is not there."""
    await stack.declare("failing", runtime=script({"calls": [{"tool": "calc.add"}]}))
    await stack.declare("blocked", runtime=DONE, tools=["not.there"])
    for name in ("failing", "blocked", "undeclared"):
        await ended(await stack.start(name, f"{name}-1"))
    return [
        Recording("run-failed", "failing-1"),
        Recording("run-blocked", "blocked-1"),
        Recording("run-undeclared", "undeclared-1"),
    ]


async def cancelled(stack: Stack) -> list[Recording]:
    """A run cancelled during its turn."""
    await stack.declare("cancelled", runtime=SLOW)
    handle = await stack.start("cancelled", "cancelled-1")
    await _has_status(stack, "cancelled", "cancelled-1", RunStatus.RUNNING)
    await handle.cancel()
    await ended(handle)
    return [Recording("run-cancelled", "cancelled-1")]


async def skipped(stack: Stack) -> list[Recording]:
    """A run that finds its session held and does not wait."""
    await stack.declare("skipping", runtime=SLOW, session={"concurrency": "skip"})
    holder = await stack.start("skipping", "skipping-1")
    await _has_status(stack, "skipping", "skipping-1", RunStatus.RUNNING)
    await stack.run("skipping", "skipping-2")
    await holder.cancel()
    await ended(holder)
    return [
        Recording("run-skipped", "skipping-2"),
        Recording("keeper-skipping", keeper_id("skipping")),
    ]


async def queued(stack: Stack) -> list[Recording]:
    """A holder that is terminated: its lease is reclaimed and granted to who waits."""
    await stack.declare("queueing", runtime=script({"result": "done", "seconds": 2}))
    holder = await stack.start("queueing", "queueing-1")
    await _has_status(stack, "queueing", "queueing-1", RunStatus.RUNNING)
    granted = await stack.start("queueing", "queueing-2")
    await _has_status(stack, "queueing", "queueing-2", RunStatus.QUEUED)
    leaving = await stack.start("queueing", "queueing-3")
    await _has_status(stack, "queueing", "queueing-3", RunStatus.QUEUED)
    await leaving.cancel()
    await ended(leaving)
    await holder.terminate()
    await granted.result()
    await stack.client.get_workflow_handle(keeper_id("queueing")).execute_update("retire")
    keeper_chain = await chain(stack.client, keeper_id("queueing"))
    return [
        Recording("run-queued-and-granted", "queueing-2"),
        Recording("run-queued-and-cancelled", "queueing-3"),
        Recording("keeper-leases-and-reclaim", keeper_id("queueing"), keeper_chain[0]),
    ]


async def continued(stack: Stack) -> list[Recording]:
    """A run and a keeper on both sides of continue-as-new."""
    turn = {"calls": [{"tool": "calc.add", "args": {"a": 1, "b": 2}}]}
    runtime = script(*[turn] * 6, {"result": "{results.calc_add.sum}"})
    await stack.declare("steady", runtime=runtime, tools=["calc.add"])
    await stack.run("steady", "steady-1")
    await stack.declare("busy", runtime=DONE, session={"concurrency": "parallel"})
    run_chain = await chain(stack.client, "steady-1")
    keeper_chain = await chain(stack.client, keeper_id("busy"))
    runs = itertools.count()
    # A keeper that answers several runs at once needs fewer events, so their number varies.
    while len(keeper_chain) == 1:
        await asyncio.gather(*(stack.run("busy", f"busy-{next(runs)}") for _ in range(4)))
        keeper_chain = await chain(stack.client, keeper_id("busy"))
    await stack.run("busy", "busy-last")
    return [
        Recording("run-before-continue-as-new", "steady-1", run_chain[0]),
        Recording("run-after-continue-as-new", "steady-1", run_chain[1]),
        Recording("keeper-before-continue-as-new", keeper_id("busy"), keeper_chain[0]),
        Recording("keeper-after-continue-as-new", keeper_id("busy"), keeper_chain[1]),
    ]


SCENARIOS: tuple[Scenario, ...] = (
    simple,
    tools_and_repair,
    checked,
    graded,
    failed,
    cancelled,
    skipped,
    queued,
    continued,
)


async def chain(client: Client, workflow_id: str) -> list[str]:
    """Run ids of all executions under a workflow id, first one first."""
    newest = client.get_workflow_handle(workflow_id).fetch_history_events()
    first = await anext(aiter(newest))
    run_ids = [first.workflow_execution_started_event_attributes.first_execution_run_id]
    while True:
        handle = client.get_workflow_handle(workflow_id, run_id=run_ids[-1])
        last = [event async for event in handle.fetch_history_events()][-1]
        following = last.workflow_execution_continued_as_new_event_attributes
        if not following.new_execution_run_id:
            return run_ids
        run_ids.append(following.new_execution_run_id)


async def ended(handle: WorkflowHandle[Any, Any]) -> None:
    """Wait for a run that must not succeed."""
    try:
        await handle.result()
    except WorkflowFailureError:
        return
    raise AssertionError(f"{handle.id} succeeded")


async def _has_status(stack: Stack, name: str, run_id: str, status: RunStatus) -> None:
    """Wait until the ledger says so of a run."""
    async with asyncio.timeout(20):
        while True:
            ledger = (await stack.keeper(name)).ledger.values()
            if any(e.run and e.run.id == run_id and e.status is status for e in ledger):
                return
            await asyncio.sleep(0.05)
