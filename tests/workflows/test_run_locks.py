"""A run works under its locks: on the real server."""

import asyncio
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import CancelledError

from rota.coordination.locks import LockState
from rota.failures import FailureCategory
from rota.ids import lock_id
from rota.runs import RunStatus
from rota.tools import ToolContext, ToolDefinition, tool
from tests.stack import Stack, script
from tests.workflows.claude import ending_of
from tests.workflows.gates import GATED, Gate, poll
from tests.workflows.standing import waits

PARALLEL = {"session": {"concurrency": "parallel"}}


class Guarded:
    """A tool `books.post` that notes who is inside, and with which fencing numbers."""

    def __init__(self) -> None:
        self.inside = 0
        self.most = 0
        self.fences: list[dict[str, int]] = []

    @property
    def tool(self) -> ToolDefinition:
        """The tool."""

        @tool(name="books.post")
        async def post(ctx: ToolContext) -> str:
            """Post, taking its time."""
            self.inside += 1
            self.most = max(self.most, self.inside)
            self.fences.append(dict(ctx.fences))
            await asyncio.sleep(0.2)
            self.inside -= 1
            return "posted"

        return post


POSTING: dict[str, Any] = {
    "runtime": script({"calls": [{"tool": "books.post"}]}, {"result": "done"}),
    "tools": ["books.post"],
    **PARALLEL,
}


async def lock_of(stack: Stack, name: str) -> LockState:
    """The lock's state now."""
    handle = stack.client.get_workflow_handle(lock_id(name))
    return await handle.query("state", result_type=LockState)


async def test_runs_under_one_lock_never_overlap_and_their_fences_grow(stack: Stack) -> None:
    """Across agents, one at a time; each has a larger number than the one before."""
    guarded = Guarded()
    lock, names = stack.name("ledger"), [stack.name(base) for base in ("post", "close")]
    async with stack.worker([guarded.tool]):
        for name in names:
            await stack.declare(name, **POSTING, locks=[lock])
        starting = [stack.start(name, f"{name}-{n}") for name in names for n in range(4)]
        results = await asyncio.gather(*(run.result() for run in await asyncio.gather(*starting)))
        state = await poll_free(stack, lock)
    assert {result.status for result in results} == {RunStatus.SUCCEEDED}
    assert guarded.most == 1
    fences = [fence[lock] for fence in guarded.fences]
    assert fences == sorted(set(fences))
    assert (len(fences), state.queue) == (8, ())


async def test_runs_that_need_the_same_two_locks_cannot_block_each_other(stack: Stack) -> None:
    """Declared in opposite order, taken in the same."""
    guarded = Guarded()
    first, second = stack.name("a-lock"), stack.name("b-lock")
    there, back = stack.name("there"), stack.name("back")
    async with stack.worker([guarded.tool]):
        await stack.declare(there, **POSTING, locks=[first, second])
        await stack.declare(back, **POSTING, locks=[second, first])
        starting = [stack.start(name, f"{name}-{n}") for name in (there, back) for n in range(3)]
        async with asyncio.timeout(40):
            for run in await asyncio.gather(*starting):
                await run.result()
    assert guarded.most == 1
    assert all(set(fences) == {first, second} for fences in guarded.fences)


async def test_locks_that_a_run_waits_for_without_end_are_taken_all_the_same(stack: Stack) -> None:
    """The longest duration there is is a wait like any other."""
    locks = [{"name": stack.name(base), "wait": "36500d"} for base in ("a-lock", "b-lock")]
    name = stack.name("post")
    async with stack.worker():
        await stack.declare(name, runtime=script({"result": "done"}), locks=locks)
        result = await stack.run(name, f"{name}-1")
    assert result.status is RunStatus.SUCCEEDED


async def test_run_waits_visibly_for_a_lock(stack: Stack) -> None:
    """It names the lock and the run that holds it."""
    gate, lock = Gate(), stack.name("ledger")
    name = stack.name("post")
    async with stack.worker([gate.tool]):
        await stack.declare(name, **GATED, **PARALLEL, locks=[lock])
        first = await stack.start(name, f"{name}-1")
        await gate.reached.wait()
        second = await stack.start(name, f"{name}-2")
        told = await waits(second)
        gate.opened.set()
        results = await asyncio.gather(first.result(), second.result())
    assert told == [f"lock {lock}, held by {name}-1, place 1"]
    assert {result.status for result in results} == {RunStatus.SUCCEEDED}


async def test_run_that_waits_too_long_for_a_lock_fails_naming_its_holder(stack: Stack) -> None:
    """The wait has an end, and the run leaves the queue."""
    gate, lock = Gate(), stack.name("ledger")
    name = stack.name("post")
    async with stack.worker([gate.tool]):
        await stack.declare(name, **GATED, **PARALLEL, locks=[{"name": lock, "wait": "1s"}])
        first = await stack.start(name, f"{name}-1")
        await gate.reached.wait()
        ending = await ending_of(await stack.start(name, f"{name}-2"))
        state = await lock_of(stack, lock)
        gate.opened.set()
        await first.result()
    assert ending.result.status is RunStatus.FAILED
    assert ending.result.category is FailureCategory.UPSTREAM
    assert f"{name}-1" in ending.result.reason
    assert lock in ending.result.reason
    assert state.queue == ()


async def test_run_cancelled_while_it_waits_for_a_lock_leaves_its_queue(stack: Stack) -> None:
    """And gives back the lock that it has already."""
    gate, other, lock = Gate(), stack.name("a-lock"), stack.name("b-lock")
    holder, name = stack.name("holder"), stack.name("post")
    async with stack.worker([gate.tool]):
        await stack.declare(holder, **GATED, locks=[lock])
        await stack.declare(name, runtime=script({"result": "done"}), locks=[other, lock])
        first = await stack.start(holder, f"{holder}-1")
        await gate.reached.wait()
        second = await stack.start(name, f"{name}-1")
        await waits(second)
        await second.cancel()
        with pytest.raises(WorkflowFailureError) as caught:
            await second.result()
        free, held = await lock_of(stack, other), await lock_of(stack, lock)
        gate.opened.set()
        await first.result()
    assert isinstance(caught.value.cause, CancelledError)
    assert (free.lease, held.queue) == (None, ())
    assert held.lease is not None
    assert held.lease.run.id == f"{holder}-1"


@pytest.mark.parametrize("how", ["fails", "is cancelled", "is late"])
async def test_lock_of_a_run_that_does_not_succeed_is_free_again(stack: Stack, how: str) -> None:
    """Whatever the end, the lock is given back before the run closes."""
    gate, lock, name = Gate(), stack.name("ledger"), stack.name("post")

    @tool(name="books.post", effect="write")
    def post() -> str:
        """Break."""
        raise RuntimeError("the books are closed")

    tool_name = "books.post" if how == "fails" else "gate.pass"
    limits: dict[str, Any] = {"effects": {"on_unknown": "fail"}}
    if how == "is late":
        limits["budget"] = {"wall_clock": "2s"}
    async with stack.worker([gate.tool, post]):
        runtime = script({"calls": [{"tool": tool_name}]}, {"result": "done"})
        await stack.declare(name, runtime=runtime, tools=[tool_name], locks=[lock], **limits)
        run = await stack.start(name, f"{name}-1")
        if how == "is cancelled":
            await gate.reached.wait()
            await run.cancel()
        with pytest.raises(WorkflowFailureError):
            await run.result()
        state = await lock_of(stack, lock)
        gate.opened.set()
    assert (state.lease, state.granted, state.expired) == (None, 1, 0)


async def test_lock_and_needs_outlast_continue_as_new(hasty: Stack) -> None:
    """A long run takes its lock once, asks for its needs once, and keeps both to its end."""
    fences: list[dict[str, int]] = []

    @tool(name="books.post", effect="write")
    def post(page: int, ctx: ToolContext) -> str:
        """Post a page."""
        fences.append(dict(ctx.fences))
        return str(ctx.input["needs"])

    turns = [{"calls": [{"tool": "books.post", "args": {"page": page}}]} for page in range(8)]
    report, poster, ledger = hasty.name("report"), hasty.name("post"), hasty.name("ledger")
    async with hasty.worker([post]):
        await hasty.declare(report, runtime=script({"result": "figures"}))
        await hasty.run(report, f"{report}-1")
        await hasty.declare(
            poster,
            runtime=script(*turns, {"result": "{results.books_post}"}),
            tools=["books.post"],
            locks=[ledger],
            needs=[{"agent": report}],
        )
        result = await hasty.run(poster, f"{poster}-1")
        last = await hasty.client.get_workflow_handle(f"{poster}-1").describe()
        state = await lock_of(hasty, ledger)
    assert last.raw_description.workflow_execution_info.first_run_id != last.run_id
    assert fences == [{ledger: 1}] * 8
    assert "figures" in result.output
    assert (state.lease, state.granted, state.expired) == (None, 1, 0)


async def poll_free(stack: Stack, lock: str) -> LockState:
    """Wait until nobody holds the lock."""

    async def ask() -> LockState | None:
        state = await lock_of(stack, lock)
        return state if state.lease is None else None

    return await poll(ask)
