"""Many runs of agents at once, for the last cents of a day: parked, raised, counted."""

import asyncio

import pytest

from rota.budgets.reservations import Account, BudgetRaise, Tally, WindowKind
from rota.ids import budget_id, keeper_id
from rota.runs import RunStatus
from rota.team_spec import TeamAccount
from tests.fleets import apply_of, declared, fleet_of, team
from tests.stack import Stack
from tests.workflows.gates import poll
from tests.workflows.money import add, spending
from tests.workflows.standing import Run
from workflows.run_kit.visibility import STATUS

COST = 2100
"""Micro-dollars of a run: a turn of 2,000 that calls a tool, and one of 100."""
STEP = 2000
"""The dearest step: what an estimate may be wrong by."""


def day(account: Account) -> Tally:
    """The newest day."""
    return account.windows[WindowKind.DAY][-1]


async def statuses(runs: list[Run]) -> list[str]:
    """What each run shows of itself."""
    found = await asyncio.gather(*(run.describe() for run in runs))
    return [each.typed_search_attributes.get(STATUS) or "" for each in found]


@pytest.mark.parametrize("count", [12, pytest.param(50, marks=pytest.mark.soak)])
async def test_runs_race_for_the_last_cents_of_a_day(stack: Stack, count: int) -> None:
    """Some end, all others park; the day is not overspent but by a step each; a raise ends it.

    What the runs tell, the ledger, the agent's account and the team's are one sum.
    """
    name, finance = stack.name("report"), stack.name("finance")
    cap = count * 2 // 5 * COST
    agent = declared(
        name,
        team=finance,
        session={"concurrency": "parallel"},
        budget={"run_usd": 3 * COST / 1e6},
        **spending(2000, 100),
    )
    async with stack.worker([add]):
        await apply_of(stack, fleet_of(stack, agent, team(finance, day_usd=cap / 1e6)))
        runs = await asyncio.gather(*(stack.start(name, f"{name}-{n}") for n in range(count)))

        async def come_to_rest() -> list[str] | None:
            found = await statuses(runs)
            return found if set(found) <= {"parked", "succeeded"} else None

        rest = await poll(come_to_rest, 60)
        handle = stack.client.get_workflow_handle(budget_id(finance))
        before = (await handle.query("state", result_type=TeamAccount)).account
        given = BudgetRaise(id="r1", window=WindowKind.DAY, micros=count * COST * 3, by="ann")
        await handle.execute_update("raise_budget", given)
        results = await asyncio.gather(*(run.result() for run in runs))
        after = (await handle.query("state", result_type=TeamAccount)).account
        keeper = await stack.client.get_workflow_handle(keeper_id(name)).query("state")
        own = (await stack.keeper(name)).account
    assert 0 < rest.count("succeeded") < count
    stopped = sum(hold.spent.micros > 0 for hold in before.holds.values())
    began = rest.count("succeeded") + stopped
    assert began < count
    assert day(before).spent.micros <= cap + began * STEP
    assert {result.status for result in results} == {RunStatus.SUCCEEDED}
    total = sum(result.usage.cost_micros or 0 for result in results)
    ledger = sum(entry["usage"]["cost_micros"] for entry in keeper["ledger"].values())
    assert total == count * COST == ledger == day(own).spent.micros == day(after).spent.micros
    assert (own.holds, after.holds, after.waiting) == ({}, {}, ())
