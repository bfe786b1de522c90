"""Money down a tree of runs: a share for each that is called, the truth counted when it ends."""

from itertools import pairwise
from typing import Any

from rota.runs import AgentRunResult, RunStatus
from tests.stack import Stack
from tests.workflows.claude import ending_of
from tests.workflows.handing import asks, called_run, told_by
from tests.workflows.money import add, day_of, priced, spending, turn


async def declare_calling(stack: Stack, name: str, called: str, *costs: int, **budget: Any) -> None:
    """An agent that calls another in its first turn, twice if it is told to, and answers then."""
    first = turn(costs[0], calls=[asks(called, n=n) for n in range(budget.pop("times", 1))])
    answer = turn(costs[1], result=told_by(called))
    await stack.declare(
        name, runtime=priced(first, answer), tools=[f"agents.{called}"], budget=budget
    )


async def ended(stack: Stack, caller: str, called: str, index: int = 0) -> AgentRunResult:
    """How a run that was called has ended, whichever way."""
    run = called_run(stack, f"{caller}-1", called, index=index)
    status = (await run.describe()).status
    assert status is not None
    return await run.result() if status.name == "COMPLETED" else (await ending_of(run)).result


async def test_caller_counts_what_those_below_have_spent(stack: Stack) -> None:
    """Own use and that of the tree are told apart; each account counts its own agent's alone."""
    caller, called = stack.name("caller"), stack.name("called")
    async with stack.worker([add]):
        await stack.declare(called, **spending(1000, 500))
        await declare_calling(stack, caller, called, 300, 200, run_usd=0.01)
        result = await stack.run(caller, f"{caller}-1")
        child = await ended(stack, caller, called)
        days = [(await day_of(stack, name)).micros for name in (caller, called)]
    assert (result.usage.cost_micros, result.below.cost_micros) == (500, 1500)
    assert child.usage.cost_micros == 1500
    assert days == [500, 1500]


async def test_caller_parks_at_what_its_tree_has_spent(stack: Stack) -> None:
    """A limit of a run holds for all it hands work to."""
    caller, called = stack.name("caller"), stack.name("called")
    async with stack.worker([add]):
        await stack.declare(called, **spending(1000, 1150))
        budget = {"run_usd": 0.0025, "on_exceeded": "fail"}
        await declare_calling(stack, caller, called, 300, 300, **budget)
        ending = await ending_of(await stack.start(caller, f"{caller}-1"))
    assert "of $0.0025 is left (budget.run_usd)" in ending.message
    assert (ending.result.turns, ending.result.below.cost_micros) == (1, 2150)


async def test_called_run_over_its_callers_share_fails_and_the_caller_reads_so(
    stack: Stack,
) -> None:
    """Whoever was lent a share does not park on it: the caller has the say, and goes on."""
    caller, called = stack.name("caller"), stack.name("called")
    async with stack.worker([add]):
        await stack.declare(called, **spending(1000, 1000, 1000, 1000))
        await declare_calling(stack, caller, called, 300, 300, run_usd=0.003)
        result = await stack.run(caller, f"{caller}-1")
        child = await ended(stack, caller, called)
    assert result.status is RunStatus.SUCCEEDED
    assert "failed (limit_reached)" in str(result.output)
    assert f"the share that {caller}-1 gave" in child.reason
    assert child.usage.cost_micros == result.below.cost_micros == 2000


async def test_runs_called_at_once_get_equal_parts(stack: Stack) -> None:
    """Two together can never spend more than the caller has left."""
    caller, called = stack.name("caller"), stack.name("called")
    async with stack.worker([add]):
        await stack.declare(called, **spending(1000, 1000, 1000, 1000))
        await declare_calling(stack, caller, called, 300, 300, run_usd=0.0061, times=2)
        result = await stack.run(caller, f"{caller}-1")
        ends = [await ended(stack, caller, called, index) for index in (0, 1)]
    allowances = [end.lineage.allowance for end in ends if end.lineage and end.lineage.allowance]
    assert [each.micros for each in allowances] == [2900, 2900]
    assert result.usage.plus(result.below).cost_micros == 600 + 2 * 2000


async def test_handoffs_down_a_chain_starve_by_design(stack: Stack) -> None:
    """However deep work is handed down, the whole of it stays within what the first may spend."""
    names = [stack.name(f"level{level}") for level in range(4)]
    said = {"usage": {"output_tokens": 900}}
    async with stack.worker():
        for name, below in pairwise([*names, stack.name("nobody")]):
            turns = ({**said, "calls": [asks(below)]}, {**said, "result": told_by(below)})
            runtime = priced(*turns, max_output_tokens=1000)
            first = {"run_usd": 0.0035, "on_exceeded": "fail"} if name == names[0] else {}
            await stack.declare(name, runtime=runtime, tools=[f"agents.{below}"], budget=first)
        ending = await ending_of(await stack.start(names[0], f"{names[0]}-1"))
        days = [(await day_of(stack, name)).micros for name in names[:3]]
        last = await stack.keeper(names[3])
    assert days == [900, 900, 900]
    assert sum(days) == ending.result.usage.plus(ending.result.below).cost_micros
    assert [entry.turns for entry in last.ledger.values()] == [0]
