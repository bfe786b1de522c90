"""One agent hands its work over to another and ends: on the real server."""

import asyncio
from typing import Any

from temporalio.client import WorkflowExecutionStatus

from rota.runs import RunStatus
from rota.tools import tool
from tests.stack import Stack, script
from tests.workflows.gates import GATED, Gate
from tests.workflows.handing import ANY_OBJECT, asks, attribute, called_run

NEVER: dict[str, Any] = {"result": "not reached"}


async def declare_transferring(
    stack: Stack, name: str, agent: str, *turns: dict[str, Any], **declaration: Any
) -> None:
    """An agent that transfers to `agent`, and has `turns` if that is refused."""
    runtime = script({"calls": [asks(agent, transfer=True)]}, *(turns or (NEVER,)))
    tools = [f"agents.{agent}.transfer"]
    await stack.declare(name, runtime=runtime, **{"tools": tools, **declaration})


async def test_transfer_ends_the_caller_and_leaves_the_other_at_work(stack: Stack) -> None:
    """The caller has succeeded before the other has, and says who goes on."""
    gate = Gate()
    caller, called = stack.name("caller"), stack.name("called")
    schema = {"schema": {"type": "object", "required": ["total"]}}
    async with stack.worker([gate.tool]):
        await stack.declare(called, **GATED)
        await declare_transferring(stack, caller, called, output=schema)
        result = await stack.run(caller, f"{caller}-1")
        handle = called_run(stack, f"{caller}-1", called)
        await gate.reached.wait()
        at_work = (await handle.describe()).status
        gate.opened.set()
        other = await handle.result()
        root = await attribute(handle, "RotaRoot")
        summary = await (await handle.describe()).static_summary()
        stored = await stack.store.get(result.output_digest or "")
    over = {"transferred_to": {"agent": called, "run_id": f"{caller}-1/{called}-1.0"}}
    assert (result.status, result.output) == (RunStatus.SUCCEEDED, over)
    assert (result.turns, result.tool_calls) == (1, 1)
    assert called in stored.decode()
    assert at_work is WorkflowExecutionStatus.RUNNING
    assert (other.status, other.output, root) == (RunStatus.SUCCEEDED, "done", f"{caller}-1")
    assert other.lineage is not None
    assert (other.lineage.agents, other.lineage.deadline) == ((caller,), None)
    assert summary == f"takes over from {caller}"


async def test_transfer_waits_for_the_other_calls_of_its_turn(stack: Stack) -> None:
    """What the caller began is done before another goes on in its place."""
    order: list[str] = []

    @tool(name="books.post", effect="write")
    async def post(who: str) -> str:
        """Post."""
        await asyncio.sleep(0.3 if who == "caller" else 0)
        order.append(who)
        return "posted"

    def posts(who: str) -> dict[str, Any]:
        return {"tool": "books.post", "args": {"who": who}}

    caller, called = stack.name("caller"), stack.name("called")
    async with stack.worker([post]):
        await stack.declare(
            called,
            runtime=script({"calls": [posts("called")]}, {"result": "done"}),
            tools=["books.post"],
        )
        calls = [asks(called, transfer=True), posts("caller")]
        await stack.declare(
            caller,
            runtime=script({"calls": calls}, NEVER),
            tools=["books.post", f"agents.{called}.transfer"],
        )
        result = await stack.run(caller, f"{caller}-1")
        await called_run(stack, f"{caller}-1", called).result()
    assert order == ["caller", "called"]
    assert result.tool_calls == 2


async def test_transfer_is_made_once_in_a_turn(stack: Stack) -> None:
    """Nobody can be replaced twice: the first transfer ends the run."""
    caller, called = stack.name("caller"), stack.name("called")
    async with stack.worker():
        await stack.declare(called, runtime=script({"result": "done"}))
        calls = [asks(called, transfer=True, x=number) for number in (1, 2)]
        await stack.declare(
            caller,
            runtime=script({"calls": calls}, NEVER),
            tools=[f"agents.{called}.transfer"],
        )
        result = await stack.run(caller, f"{caller}-1")
        await called_run(stack, f"{caller}-1", called).result()
        state = await stack.keeper(called)
    assert result.output["transferred_to"]["run_id"] == f"{caller}-1/{called}-1.0"
    assert len(state.ledger) == 1


async def test_transfer_that_is_refused_lets_the_caller_go_on(stack: Stack) -> None:
    """Nothing was handed over, so the work is still the caller's."""
    caller = stack.name("caller")
    said = {"result": {"told": f"{{results.agents_{caller}_transfer}}"}}
    async with stack.worker():
        await declare_transferring(stack, caller, caller, said, output=ANY_OBJECT)
        result = await stack.run(caller, f"{caller}-1")
    assert "cannot hand work to itself" in result.output["told"]
    assert result.turns == 2


async def test_transfer_back_and_forth_is_a_cycle(stack: Stack) -> None:
    """Two agents cannot pass a piece of work between them for ever."""
    first, second = stack.name("first"), stack.name("second")
    said = {"result": f"{{results.agents_{first}_transfer}}"}
    async with stack.worker():
        await declare_transferring(stack, first, second)
        await declare_transferring(stack, second, first, said)
        await stack.run(first, f"{first}-1")
        other = await called_run(stack, f"{first}-1", second).result()
    assert f"would be a cycle ({first} -> {second} -> {first})" in str(other.output)


async def test_transfer_keeps_the_memory_of_the_one_that_ends(stack: Stack) -> None:
    """The caller has succeeded: what it noted takes effect."""
    caller, called = stack.name("caller"), stack.name("called")
    async with stack.worker():
        await stack.declare(called, runtime=script({"result": "done"}))
        calls = [
            {"tool": "memory.update", "args": {"patch": {"seen": 1}}},
            asks(called, transfer=True),
        ]
        await stack.declare(
            caller,
            runtime=script({"calls": calls}, NEVER),
            tools=["memory.update", f"agents.{called}.transfer"],
        )
        result = await stack.run(caller, f"{caller}-1")
        await called_run(stack, f"{caller}-1", called, index=1).result()
        stored = await stack.store.get(result.memory or "")
    assert '"seen":1' in stored.decode()
