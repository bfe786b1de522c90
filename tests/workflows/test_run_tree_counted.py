"""What runs below have used is counted by the one above, however either of them ends."""

import asyncio
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import CancelledError

from rota.budgets.reservations import Cap
from rota.failures import FailureCategory
from rota.pipelines.run import PipelineResult
from rota.runs import AgentRunResult, RunStatus
from rota.tools import tool
from rota.visibility import PIPELINE_MEMO, RESULT_MEMO
from tests.fleets import apply_of, declared, fleet_of, team
from tests.pipelines import declare_pipeline, result_of, start_pipeline
from tests.stack import Stack
from tests.workflows.claude import ending_of
from tests.workflows.gates import Gate
from tests.workflows.handing import asks, called_run, told_by
from tests.workflows.money import add, day_of, priced, spending, turn
from tests.workflows.standing import Run

STUCK: dict[str, Any] = {
    "runtime": priced(turn(1000, calls=[{"tool": "gate.pass"}]), turn(1, result="late")),
    "tools": ["gate.pass"],
}
"""A declaration whose runs stop at the gate, and have spent something by then."""


def calling(called: str, *calls: dict[str, Any], cost: int = 300, **budget: Any) -> dict[str, Any]:
    """A declaration whose runs call an agent, and more in the same turn, and answer then."""
    first = turn(cost, calls=[asks(called), *calls])
    tools = [f"agents.{called}", *(call["tool"] for call in calls)]
    runtime = priced(first, turn(200, result=told_by(called)))
    return {"runtime": runtime, "tools": tools, "budget": budget}


async def cancelled(run: Run) -> dict[str, Any]:
    """Cancel it, and wait for its end; what it leaves in its memo."""
    await run.cancel()
    with pytest.raises(WorkflowFailureError) as caught:
        await run.result()
    assert isinstance(caught.value.cause, CancelledError)
    return dict(await (await run.describe()).memo())


async def test_caller_that_another_call_of_the_turn_fails_counts_what_it_called(
    stack: Stack,
) -> None:
    """The run that was called has ended and cost what it cost, whatever its caller comes to."""

    @tool(name="books.post", effect="write")
    def post() -> str:
        """Break."""
        raise RuntimeError("the books are closed")

    caller, called = stack.name("caller"), stack.name("called")
    async with stack.worker([add, post]):
        await stack.declare(called, **spending(1000, 500))
        failing = {"effects": {"on_unknown": "fail"}, **calling(called, {"tool": "books.post"})}
        await stack.declare(caller, **failing)
        ending = await ending_of(await stack.start(caller, f"{caller}-1"))
        days = [(await day_of(stack, name)).micros for name in (caller, called)]
    assert ending.result.status is RunStatus.FAILED
    assert days == [300, 1500]
    assert (ending.result.usage.cost_micros, ending.result.below.cost_micros) == (300, 1500)


async def test_caller_that_is_cancelled_counts_what_the_run_it_called_had_used(
    stack: Stack,
) -> None:
    """Without a limit, too: a cancelled run leaves its figures where its caller finds them."""
    gate, caller, called = Gate(), stack.name("caller"), stack.name("called")
    async with stack.worker([gate.tool]):
        await stack.declare(called, **STUCK)
        await stack.declare(caller, **calling(called))
        run = await stack.start(caller, f"{caller}-1")
        await gate.reached.wait()
        result = AgentRunResult.model_validate((await cancelled(run))[RESULT_MEMO])
        day = await day_of(stack, called)
    assert result.status is RunStatus.CANCELLED
    assert (result.usage.cost_micros, result.below.cost_micros) == (300, day.micros) == (300, 1000)


async def test_pipeline_that_is_cancelled_counts_what_its_nodes_had_used(stack: Stack) -> None:
    """Its usage is the sum of its runs; of what was lent and not used nothing is left over."""
    gate, name, agent = Gate(), stack.name("line"), stack.name("stuck")
    async with stack.worker([gate.tool]):
        await stack.declare(agent, **STUCK)
        await declare_pipeline(stack, name, nodes={"a": {"agent": agent}}, budget={"run_usd": 1})
        run = await start_pipeline(stack, name, f"{name}-1")
        await gate.reached.wait()
        result = PipelineResult.model_validate((await cancelled(run))[PIPELINE_MEMO])
    assert result.nodes["a"].status is RunStatus.CANCELLED
    assert (result.usage.cost_micros, result.usage.unknown_micros) == (1000, 0)


@pytest.mark.parametrize(
    ("own", "unknown"), [({"run_usd": 0.003}, 3000), ({}, 5000 - 300 - 300)], ids=["own", "none"]
)
async def test_transfer_counts_all_that_its_run_may_use_of_the_loan(
    stack: Stack, own: dict[str, Any], unknown: int
) -> None:
    """Who goes on in its place tells nobody above what it uses; its own limit says how much."""
    top, mid, last = stack.name("top"), stack.name("mid"), stack.name("last")
    async with stack.worker([add]):
        await stack.declare(last, **spending(1000, 500), budget=own)
        over = turn(300, calls=[asks(last, transfer=True)])
        await stack.declare(mid, runtime=priced(over), tools=[f"agents.{last}.transfer"])
        await stack.declare(top, **calling(mid, run_usd=0.005, on_exceeded="fail"))
        run = await stack.start(top, f"{top}-1")
        await asyncio.gather(run.result(), return_exceptions=True)
        result = AgentRunResult.model_validate((await (await run.describe()).memo())[RESULT_MEMO])
        successor = await called_run(stack, f"{top}-1/{mid}-1.0", last).result()
    # With nothing left to answer from, the one above ends at its limit.
    assert (result.status is RunStatus.SUCCEEDED) is bool(own)
    assert (result.below.cost_micros, result.below.unknown_micros) == (300, unknown)
    assert successor.usage.cost_micros == 1500


async def test_transfer_lends_what_the_calls_of_its_turn_have_left(stack: Stack) -> None:
    """Made after them, it gets what they did not use of the loan: nothing is lent twice."""
    top, mid, called, last = (stack.name(name) for name in ("top", "mid", "called", "last"))
    async with stack.worker([add]):
        for agent in (called, last):
            await stack.declare(agent, **spending(1000))
        over = turn(300, calls=[asks(called), asks(last, transfer=True)])
        tools = [f"agents.{called}", f"agents.{last}.transfer"]
        await stack.declare(mid, runtime=priced(over), tools=tools)
        await stack.declare(top, **calling(mid, run_usd=0.005, on_exceeded="fail"))
        run = await stack.start(top, f"{top}-1")
        await asyncio.gather(run.result(), return_exceptions=True)
        successor = await called_run(stack, f"{top}-1/{mid}-1.0", last, index=1).result()
    assert successor.lineage is not None
    assert successor.lineage.allowance == Cap(micros=5000 - 300 - 300 - 1000)


async def test_node_whose_run_is_at_work_already_costs_its_pipeline_nothing(stack: Stack) -> None:
    """However often it is tried: what was lent to a run that never was comes back whole."""
    gate, name, agent = Gate(), stack.name("line"), stack.name("stuck")
    node = {"agent": agent, "attempts": 3, "on_failure": {"backoff": "10ms"}}
    async with stack.worker([gate.tool]):
        await stack.declare(agent, **STUCK)
        await declare_pipeline(stack, name, nodes={"a": node}, budget={"run_usd": 1})
        for taken in ("a", "a#2", "a#3"):
            await stack.start(agent, f"{name}-1/{taken}")
        result = await result_of(await start_pipeline(stack, name, f"{name}-1"))
    assert result.category is FailureCategory.TRANSIENT
    assert "is at work already" in result.nodes["a"].reason
    assert (result.usage.cost_micros, result.usage.unknown_micros) == (0, 0)


async def test_caller_that_holds_the_rest_of_its_teams_day_leaves_it_to_whom_it_calls(
    stack: Stack,
) -> None:
    """While it waits it spends nothing, and the money that both work for is there for the other."""
    caller, called, finance = stack.name("caller"), stack.name("called"), stack.name("finance")
    asking = calling(called, run_usd=0.0045, on_exceeded="fail")
    failing = {**spending(1000, 1000), "budget": {"on_exceeded": "fail"}}
    agents = [
        declared(caller, team=finance, **asking),
        declared(called, team=finance, **failing),
    ]
    async with stack.worker([add]):
        await apply_of(stack, fleet_of(stack, *agents, team(finance, day_usd=0.0045)))
        async with asyncio.timeout(20):
            result = await stack.run(caller, f"{caller}-1")
    assert result.usage.plus(result.below).cost_micros == 300 + 2000 + 200
    assert result.output == "done"
