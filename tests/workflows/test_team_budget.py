"""The accounts of an agent and its team on the real server: races, raises, lost runs."""

import asyncio
from datetime import timedelta

import pytest
from temporalio.client import WorkflowUpdateFailedError

import workflows.budget
from rota.budgets.reservations import BudgetRaise, WindowKind
from tests.stack import Stack
from tests.workflows.budget_bench import CENT, BudgetBench, held, today
from tests.workflows.gates import poll

SOON = timedelta(seconds=0.5)


def raised(id: str, cents: int) -> BudgetRaise:
    """A person gives the day so much more."""
    return BudgetRaise(id=id, window=WindowKind.DAY, micros=cents * CENT, by="ann")


async def test_fifty_runs_at_once_reserve_the_last_dollar_once(stack: Stack) -> None:
    """A dollar is left and each wants ten cents: ten get them, forty are refused, none more."""
    bench = BudgetBench(stack)
    async with stack.worker(), bench.spenders():
        await bench.declare(team_cents=100)
        runs = await asyncio.gather(*(bench.come(f"r{number}") for number in range(50)))
        grants = await asyncio.gather(*(bench.ask(each, 10) for each in runs))
        granted = [run for run, grant in zip(runs, grants, strict=True) if not grant.refused]
        assert len(granted) == 10
        assert sum(held(await bench.team_account()).values()) == 100
        assert set(held(await bench.agent_account())) == {run.run.id for run in granted}
        for run in granted:
            await bench.end(run, 7 * CENT)
        team, agent = await bench.team_account(), await bench.agent_account()
    assert today(team) == today(agent) == (70, 0)
    assert held(team) == held(agent) == {}


async def test_raise_wakes_the_run_that_waits_for_it(stack: Stack) -> None:
    """It is told at once, asks again under the same number, and gets what it wanted."""
    bench = BudgetBench(stack)
    async with stack.worker(), bench.spenders():
        await bench.declare(team_cents=10)
        first, second = await bench.come("first"), await bench.come("second")
        await bench.ask(first, 10)
        refused = await bench.ask(second, 20)
        assert refused.refused.startswith(f"day_usd of team {bench.team}: $0.1000 of $0.1000")
        assert await second.handle.query("told") == 0
        for _ in range(2):
            await bench.team_handle.execute_update("raise_budget", raised("r1", 30))
        await second.handle.execute_update("heard", 1)
        granted = await bench.ask(second, 20)
        assert (granted.refused, granted.room.micros) == ("", 20 * CENT)
        assert held(await bench.team_account()) == {first.run.id: 10, second.run.id: 20}


async def test_raise_of_a_limit_that_is_none_is_refused(stack: Stack) -> None:
    """Whoever raises the wrong one is told so, in one line."""
    bench = BudgetBench(stack)
    async with stack.worker(), bench.spenders():
        await bench.declare(team_cents=10)
        for handle in (bench.team_handle, bench.keeper_handle):
            month = raised("r1", 5).model_copy(update={"window": WindowKind.MONTH})
            with pytest.raises(WorkflowUpdateFailedError) as refused:
                await handle.execute_update("raise_budget", month)
            assert "has no month_usd" in str(refused.value.cause)


async def test_team_that_refuses_leaves_nothing_reserved_with_the_agent(stack: Stack) -> None:
    """What one account refuses the other does not keep, whichever it is."""
    bench = BudgetBench(stack)
    async with stack.worker(), bench.spenders():
        await bench.declare(team_cents=10, agent_cents=20)
        first, second = await bench.come("first"), await bench.come("second")
        await bench.ask(first, 10)
        assert "team" in (await bench.ask(second, 10)).refused
        assert held(await bench.agent_account()) == {first.run.id: 10}
        await bench.team_handle.execute_update("raise_budget", raised("r1", 90))
        second.number, third = 2, await bench.come("third")
        await bench.ask(second, 10)
        assert "agent" in (await bench.ask(third, 10)).refused
        assert held(await bench.team_account()) == {first.run.id: 10, second.run.id: 10}


async def test_end_of_a_run_wakes_the_next_that_waits(stack: Stack) -> None:
    """What it did not spend is there for others, in the order in which they were refused."""
    bench = BudgetBench(stack)
    async with stack.worker(), bench.spenders():
        await bench.declare(team_cents=10)
        first, second, third = [await bench.come(name) for name in ("f", "s", "t")]
        await bench.ask(first, 10)
        for waiting in (second, third):
            await bench.ask(waiting, 9)
        await bench.end(first, CENT)
        await second.handle.execute_update("heard", 1)
        assert (await bench.ask(second, 9)).room.micros == 9 * CENT
        assert await third.handle.query("told") == 0


async def test_room_for_a_run_that_is_gone_goes_to_the_next(stack: Stack) -> None:
    """A signal that reaches nobody is no end of it."""
    bench = BudgetBench(stack)
    async with stack.worker(), bench.spenders():
        await bench.declare(team_cents=10)
        first, gone, last = [await bench.come(name) for name in ("f", "g", "l")]
        await bench.ask(first, 10)
        for waiting in (gone, last):
            await bench.ask(waiting, 10)
        await gone.handle.terminate()
        await bench.end(first, 0)
        await last.handle.execute_update("heard", 1)


async def test_terminated_run_counts_as_unknown_and_is_waited_for_no_longer(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody reports its end; the account finds out, and counts all that it held."""
    monkeypatch.setattr(workflows.budget, "RECLAIM_INTERVAL", SOON)
    bench = BudgetBench(stack)
    async with stack.worker(), bench.spenders():
        await bench.declare(team_cents=10)
        lost, small = await bench.come("lost"), await bench.come("small")
        await bench.ask(lost, 6)
        assert (await bench.ask(small, 5, least=5)).refused
        await lost.handle.terminate()

        async def counted() -> bool | None:
            account = await bench.team_account()
            return today(account) == (0, 6) or None

        assert await poll(counted)
        assert (await bench.ask(small, 4)).room.micros == 4 * CENT


async def test_account_continued_as_new_has_lost_nothing(hasty: Stack) -> None:
    """Sums, reservations, who waits and what was raised go on in the next execution."""
    bench = BudgetBench(hasty)
    async with hasty.worker(), bench.spenders():
        await bench.declare(team_cents=1000)
        first, waiting = await bench.come("first"), await bench.come("waiting")
        await bench.ask(first, 900)
        assert (await bench.ask(waiting, 900, least=900)).refused
        began = (await bench.team_handle.describe()).run_id
        number = 0
        while (await bench.team_handle.describe()).run_id == began:
            number += 1
            await bench.team_handle.execute_update("raise_budget", raised(f"r{number}", 1))
        await bench.end(first, 50 * CENT)
        await waiting.handle.execute_update("heard", 1)
        assert (await bench.ask(waiting, 900)).room.micros == 900 * CENT
        account = await bench.team_account()
    assert today(account) == (50, 0)
    assert account.windows[WindowKind.DAY][-1].raised.micros == number * CENT


async def test_account_shows_what_is_spent_and_who_waits(stack: Stack) -> None:
    """The Temporal UI tells it without a query of one's own."""
    bench = BudgetBench(stack)
    async with stack.worker(), bench.spenders():
        await bench.declare(team_cents=10)
        first, second = await bench.come("first"), await bench.come("second")
        await bench.ask(first, 9)
        await bench.end(first, 9 * CENT)
        await bench.ask(second, 5, least=5)
        shown = (await bench.team_handle.query("__temporal_workflow_metadata")).current_details
    assert f"**team {bench.team}**" in shown
    assert "$0.0900" in shown
    assert "day_usd: $0.0900 of $0.1000 spent or reserved, soft limit reached" in shown
    assert f"1 run waiting for room: {second.run.id}" in shown
