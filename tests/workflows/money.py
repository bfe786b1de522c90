"""Agents whose turns cost something, offline: a dollar for a million tokens."""

from typing import Any

from rota.budgets.reservations import Amount, WindowKind
from rota.runs import RunStatus
from rota.tools import tool
from tests.stack import Stack, script
from tests.workflows.standing import Run, waits

PRICE = {"input_usd_per_mtok": 1, "output_usd_per_mtok": 1}
ROOM = 100
"""Tokens that an answer may have, and so what every estimate has beyond its input."""


@tool(name="calc.add")
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def turn(micros: int, **said: Any) -> dict[str, Any]:
    """A turn that costs so many micro-dollars, which are as many tokens."""
    return {"usage": {"input_tokens": micros}, **said}


def adding(micros: int) -> dict[str, Any]:
    """A turn that costs so much and calls `calc.add`."""
    return turn(micros, calls=[{"tool": "calc.add", "args": {"a": 1, "b": 2}}])


def priced(*turns: dict[str, Any], **settings: Any) -> dict[str, Any]:
    """A `runtime` block that plays `turns` at that price."""
    return {**script(*turns), "price": PRICE, "max_output_tokens": ROOM, **settings}


def spending(*costs: int) -> dict[str, Any]:
    """A declaration whose runs take a turn for each cost, and answer in the last."""
    turns = [adding(cost) for cost in costs[:-1]]
    return {"runtime": priced(*turns, turn(costs[-1], result="done")), "tools": ["calc.add"]}


async def parked(run: Run) -> str:
    """Wait until the run has parked; what it says it waits for."""
    (text,) = await waits(run, RunStatus.PARKED)
    return text


async def give(run: Run, id: str = "1", **amounts: Any) -> str:
    """Give the run itself more."""
    return await run.execute_update("raise_budget", {"id": id, **amounts})


async def day_of(stack: Stack, name: str) -> Amount:
    """What the agent's account has counted for its newest day."""
    account = (await stack.keeper(name)).account
    return account.windows[WindowKind.DAY][-1].spent
