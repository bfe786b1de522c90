"""Runs that come to a limit of money, tokens or steps: they stand still, and go on."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.testing import TimeSkipper

from rota.budgets.reservations import WindowKind
from rota.failures import FailureCategory
from rota.ids import keeper_id
from rota.runs import RunStatus
from tests.stack import Stack
from tests.workflows.claude import ending_of
from tests.workflows.gates import Gate
from tests.workflows.money import add, adding, day_of, give, parked, priced, spending, turn
from tests.workflows.standing import Run


async def started(stack: Stack, declaration: dict[str, Any], **budget: Any) -> tuple[str, Run]:
    """A declared agent with that budget, and a run of it."""
    name = stack.name("spender")
    await stack.declare(name, **declaration, budget=budget)
    return name, await stack.start(name, f"{name}-1")


@pytest.mark.parametrize(
    ("budget", "more", "words"),
    [
        ({"run_usd": 0.0025}, {"micros": 1000}, "$0.0005 of $0.0025 is left (budget.run_usd)"),
        ({"run_tokens": 2500}, {"tokens": 1000}, "500 of 2500 are left (budget.run_tokens)"),
        ({"run_steps": 4}, {"steps": 1}, "4 of 4 steps taken (budget.run_steps)"),
        ({"call_usd": 0.0015}, {"micros": 1000}, "at most $0.0015 is allowed (budget.call_usd)"),
    ],
)
async def test_run_at_its_limit_parks_and_goes_on_when_given_more(
    stack: Stack, budget: dict[str, Any], more: dict[str, Any], words: str
) -> None:
    """It stands still before the step that is too much, says what mends it, and repeats nothing."""
    cost = 1000 if "call_usd" not in budget else 1450
    async with stack.worker([add]):
        name, run = await started(stack, spending(1000, cost, 100), **budget)
        text = await parked(run)
        shown = (await run.query("status"))["budget"]
        told = await give(run, **more)
        result = await run.result()
        (entry,) = (await stack.keeper(name)).ledger.values()
        day = await day_of(stack, name)
    assert words in text
    assert f"'rota budget raise {name}-1 --" in text
    assert shown["parked"] == 1
    assert told.startswith("the run was given ")
    assert (result.status, result.turns, result.tool_calls) == (RunStatus.SUCCEEDED, 3, 2)
    assert result.usage.cost_micros == entry.usage.cost_micros == day.micros == 1100 + cost


async def test_run_given_more_while_it_works_does_not_park(stack: Stack) -> None:
    """What a person gives counts from then on, parked or not; the same again gives nothing."""
    gate = Gate()
    turns = (turn(1000, calls=[{"tool": "gate.pass"}]), adding(1000), turn(100, result="done"))
    declaration = {"runtime": priced(*turns), "tools": ["gate.pass", "calc.add"]}
    async with stack.worker([add, gate.tool]):
        _, run = await started(stack, declaration, run_usd=0.0025)
        await gate.reached.wait()
        first = await give(run, micros=1000)
        again = await give(run, micros=1000)
        gate.opened.set()
        result = await run.result()
    assert first == again == "the run was given $0.0010 on top of its own limits"
    assert result.status is RunStatus.SUCCEEDED


async def test_run_given_too_little_parks_again(stack: Stack) -> None:
    """A raise that does not reach for the next call is kept, and the run still waits."""
    async with stack.worker([add]):
        _, run = await started(stack, spending(1000, 1000, 100), run_usd=0.0025)
        await parked(run)
        await give(run, micros=100)
        text = await parked(run)
        await give(run, "2", micros=900)
        result = await run.result()
    assert "and $0.0006 of $0.0026 is left" in text
    assert result.status is RunStatus.SUCCEEDED


@pytest.mark.parametrize(
    "given", [{}, {"micros": -5}, {"micros": 5, "window": "day"}, {"micros": 0, "tokens": 0}]
)
async def test_run_refuses_a_raise_that_gives_nothing(stack: Stack, given: dict[str, Any]) -> None:
    """Whoever raises is told why at once, and the run stands as before."""
    async with stack.worker([add]):
        _, run = await started(stack, spending(1000, 1000, 100), run_usd=0.0025)
        await parked(run)
        with pytest.raises(WorkflowUpdateFailedError) as caught:
            await give(run, **given)
        await run.cancel()
        await asyncio.gather(run.result(), return_exceptions=True)
    assert isinstance(caught.value.cause, ApplicationError)
    assert caught.value.cause.type == "RaiseRefusedError"


@pytest.mark.parametrize(
    ("on_exceeded", "status"), [("fail", RunStatus.FAILED), ("skip", RunStatus.FAILED)]
)
async def test_run_that_has_begun_fails_at_its_limit_if_it_is_not_to_park(
    stack: Stack, on_exceeded: str, status: RunStatus
) -> None:
    """`skip` skips only what has done nothing yet."""
    budget = {"run_usd": 0.0025, "on_exceeded": on_exceeded}
    async with stack.worker([add]):
        name, run = await started(stack, spending(1000, 1000, 100), **budget)
        ending = await ending_of(run)
        day = await day_of(stack, name)
    assert (ending.result.status, ending.result.turns) == (status, 2)
    assert ending.result.category is FailureCategory.LIMIT_REACHED
    assert day.micros == ending.result.usage.cost_micros == 2000


async def test_run_is_parked_for_three_days_and_goes_on_at_a_raise(skipping_stack: Stack) -> None:
    """Neither its place nor its clock is lost: half an hour of work was all it had."""
    stack = skipping_stack
    stack.starter = None
    async with stack.worker([add]):
        _, run = await started(
            stack, spending(1000, 1000, 100), run_usd=0.0025, park_for="5d", wall_clock="30m"
        )
        await parked(run)
        assert await TimeSkipper(stack.client).fast_forward(run, timedelta(days=3))
        still = await parked(run)
        await give(run, micros=1000)
        result = await run.result()
    assert "is left (budget.run_usd)" in still
    assert (result.status, result.turns) == (RunStatus.SUCCEEDED, 3)


async def test_run_that_nobody_gives_more_fails_after_its_time(skipping_stack: Stack) -> None:
    """`park_for` ends the wait; the reason says which limit it was and how long it stood."""
    async with skipping_stack.worker([add]):
        _, run = await started(
            skipping_stack, spending(1000, 1000, 100), run_usd=0.0025, park_for="3d"
        )
        ending = await ending_of(run)
    assert ending.kind == "RunFailed"
    assert ending.result.category is FailureCategory.LIMIT_REACHED
    assert ending.message.endswith("; parked for 3d (budget.park_for), nobody gave more")
    assert "(budget.run_usd)" in ending.message


async def test_run_is_refused_by_its_agents_day_before_any_call_and_goes_on_at_midnight(
    skipping_stack: Stack,
) -> None:
    """What one run has spent of the day another cannot; with the new day it goes on by itself."""
    stack = skipping_stack
    stack.starter = None
    async with stack.worker([add]):
        name, first = await started(
            stack, spending(1000, 1000, 1300), day_usd=0.0033, park_for="3d"
        )
        await first.result()
        second = await stack.start(name, f"{name}-2")
        text = await parked(second)
        before = (await second.query("status"))["usage"]["input_tokens"]
        skipper = TimeSkipper(stack.client)
        keeper = stack.client.get_workflow_handle(keeper_id(name))
        assert await skipper.fast_forward(keeper, timedelta(days=1))
        await skipper.fast_forward(second, timedelta(days=1))
        result = await second.result()
        days = (await stack.keeper(name)).account.windows[WindowKind.DAY]
    assert f"day_usd of agent {name}" in text
    assert (before, result.status) == (0, RunStatus.SUCCEEDED)
    assert [day.spent.micros for day in days] == [3300, 3300]


async def test_run_refused_by_a_day_goes_on_when_that_is_raised(stack: Stack) -> None:
    """The keeper gives room to who waits for it."""
    async with stack.worker([add]):
        name, first = await started(stack, spending(1000, 1000, 1300), day_usd=0.0033)
        await first.result()
        second = await stack.start(name, f"{name}-2")
        await parked(second)
        keeper = stack.client.get_workflow_handle(keeper_id(name))
        more = {"id": "1", "window": "day", "micros": 5000, "by": "ana"}
        await keeper.execute_update("raise_budget", more)
        result = await second.result()
        day = await day_of(stack, name)
    assert result.status is RunStatus.SUCCEEDED
    assert day.micros == 6600


@pytest.mark.parametrize(
    ("on_exceeded", "status"), [("fail", RunStatus.FAILED), ("skip", RunStatus.SKIPPED)]
)
async def test_run_refused_before_it_has_begun_ends_as_declared(
    stack: Stack, on_exceeded: str, status: RunStatus
) -> None:
    """No call is made either way; a skipped run is told by its reason."""
    async with stack.worker([add]):
        name, first = await started(
            stack, spending(1000, 1000, 1300), day_usd=0.0033, on_exceeded=on_exceeded
        )
        await first.result()
        second = await stack.start(name, f"{name}-2")
        await asyncio.gather(second.result(), return_exceptions=True)
        entries = (await stack.keeper(name)).ledger
        entry = next(e for e in entries.values() if e.run and e.run.id == f"{name}-2")
    assert (entry.status, entry.turns, entry.usage.tokens) == (status, 0, 0)
    assert f"day_usd of agent {name}" in entry.reason
