"""`kill -9` of a real worker at each step of a write: one effect, or a question."""

import asyncio
import json
from typing import Any

import pytest
from temporalio.client import WorkflowUpdateFailedError

from rota.runs import AgentRunResult, RunStatus
from tests.processes.worker_process import worker_process
from tests.stack import Stack, script
from tests.workflows.standing import waits

TOOLS = '''
from rota.tools import Reconciled, ToolContext, tool


def look(ctx: ToolContext) -> Reconciled:
    """Look into the books."""
    books = ctx.fleet / "books.txt"
    found = books.exists() and ctx.idempotency_key in books.read_text().split()
    return Reconciled(found, "found" if found else None)


def book(ctx: ToolContext) -> str:
    with (ctx.fleet / "books.txt").open("a") as books:
        books.write(ctx.idempotency_key + "\\n")
    return "booked"


@tool(name="books.post", effect="write", timeout="1s", reconcile=look)
def post(ctx: ToolContext) -> str:
    """Book; whoever asks may look."""
    return book(ctx)


@tool(name="books.send", effect="write", timeout="1s")
def send(ctx: ToolContext) -> str:
    """Book; nobody can look."""
    return book(ctx)
'''
STEPS = ("before intent", "after intent", "before receipt", "after receipt", "before result")


async def killed(stack: Stack, step: str, tool: str) -> Any:
    """A run whose worker dies at `step` of the call; another worker is serving then."""
    (stack.folder / "tools.py").write_text(TOOLS)
    name = stack.name("poster")
    turns = {"calls": [{"tool": tool}]}, {"result": "{results." + tool.replace(".", "_") + "}"}
    command = ("tests.processes.dying_at_effect", step)
    async with worker_process(stack, command) as dying:
        await stack.declare(name, runtime=script(*turns), tools=[tool])
        handle = await stack.start(name, f"{name}-1")
        assert await asyncio.to_thread(dying.wait, 30) == 137
    return handle


def booked(stack: Stack) -> int:
    """Effects so far."""
    books = stack.folder / "books.txt"
    return len(books.read_text().split()) if books.exists() else 0


@pytest.mark.parametrize("step", STEPS)
async def test_worker_killed_around_a_write_that_can_be_looked_for_leaves_one_effect(
    stack: Stack, step: str
) -> None:
    """Found, or made now: nobody has to say anything."""
    handle = await killed(stack, step, "books.post")
    async with worker_process(stack):
        result: AgentRunResult = await handle.result()
    assert result.status is RunStatus.SUCCEEDED
    assert result.output in ("booked", "found")
    assert booked(stack) == 1


@pytest.mark.parametrize(("step", "happened"), [("after intent", False), ("before receipt", True)])
async def test_worker_killed_around_a_write_that_nobody_can_look_for_parks_the_run(
    stack: Stack, step: str, happened: bool
) -> None:
    """A person looks and says so; either way there is one effect."""
    handle = await killed(stack, step, "books.send")
    async with worker_process(stack):
        await waits(handle, RunStatus.PARKED)
        (effect,) = (await handle.query("status"))["effects"]
        assert booked(stack) == int(happened)
        said = {"effect": effect["key"], "happened": happened, "by": "ann"}
        async with asyncio.timeout(20):
            # Too early is refused: the lost attempt's time must be over first.
            while await _refused(handle, said):  # noqa: ASYNC110 - the server's clock decides
                await asyncio.sleep(0.2)
        result: AgentRunResult = await handle.result()
    assert booked(stack) == 1
    told = result.output if happened else f'"{result.output}"'
    assert json.loads(told) == ({"happened": True, "said_by": "ann"} if happened else "booked")


async def _refused(handle: Any, said: dict[str, Any]) -> bool:
    try:
        await handle.execute_update("resolve_effect", said)
    except WorkflowUpdateFailedError as error:
        if "too early" not in str(error.cause):
            raise
        return True
    return False
