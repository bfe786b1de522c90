"""A day that is used up, where the clocks change and the server has another zone."""

from datetime import datetime, timedelta
from typing import Any

from temporalio.client import WorkflowHandle
from temporalio.testing import TimeSkipper

from rota.budgets.reservations import WindowKind
from rota.ids import keeper_id
from rota.runs import RunStatus
from tests.skipping import in_berlin, next_change
from tests.stack import Stack
from tests.workflows.money import add, parked, spending


async def test_day_of_25_hours_in_another_zone_turns_at_its_own_midnight(
    skipping_stack: Stack,
) -> None:
    """In the 25th hour its limit still holds; at midnight whoever is parked goes on."""
    stack, day = skipping_stack, next_change(-1)
    stack.starter = None
    skipper, name = TimeSkipper(stack.client), stack.name("spender")
    keeper = stack.client.get_workflow_handle(keeper_id(name))
    budget = {"day_usd": 0.0033, "timezone": "Europe/Berlin", "park_for": "800d"}

    async def pass_time(of: WorkflowHandle[Any, Any], until: datetime) -> None:
        await skipper.fast_forward(of, until - await skipper.get_current_time(of))

    async with stack.worker([add]):
        await stack.declare(name, **spending(1000, 1000, 1300), budget=budget)
        await pass_time(keeper, in_berlin(day, "00:30"))
        await stack.run(name, f"{name}-1")
        await pass_time(keeper, in_berlin(day, "23:30"))
        second = await stack.start(name, f"{name}-2")
        text = await parked(second)
        midnight = in_berlin(day + timedelta(days=1), "00:00")
        await pass_time(keeper, midnight)
        await pass_time(second, midnight)
        result = await second.result()
        days = (await stack.keeper(name)).account.windows[WindowKind.DAY]
    assert f"until {day + timedelta(days=1)}T00:00+01:00" in text
    assert result.status is RunStatus.SUCCEEDED
    keys = [day.isoformat(), (day + timedelta(days=1)).isoformat()]
    assert [(each.key, each.spent.micros) for each in days] == [(key, 3300) for key in keys]
