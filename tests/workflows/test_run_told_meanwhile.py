"""Word of more to spend that comes while a run deals with its accounts is not lost."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from temporalio.client import Client
from temporalio.common import RetryPolicy
from temporalio.workflow import Info

import activities.desks.budgets
import workflows.run_kit.desk
from rota.budgets.reservations import NOTHING, Grant, HoldRequest
from rota.ids import keeper_id
from rota.runs import RunStatus
from rota.turns.checkpoint import RunArgument
from tests.stack import Stack
from tests.workflows.money import add, give, spending
from tests.workflows.standing import Run
from workflows.activity_options import DeskOptions, desk_options
from workflows.run_kit.kit import RunKit

Reserve = Callable[[Client, HoldRequest, str], Awaitable[Grant]]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second attempt is a workflow task of its own: messages come in between."""

    def options() -> DeskOptions:
        quick = desk_options()
        quick["local_retry_threshold"] = timedelta(milliseconds=1)
        quick["retry_policy"] = RetryPolicy(initial_interval=timedelta(milliseconds=50))
        return quick

    monkeypatch.setattr(workflows.run_kit.desk, "desk_options", options)


async def test_run_given_more_while_it_gives_back_goes_on(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long an account takes to answer, a raise counts from the moment the run parks."""
    reserve: Reserve = activities.desks.budgets.reserve
    name = stack.name("spender")
    run = stack.client.get_workflow_handle(f"{name}-1")
    giving: list[asyncio.Task[str]] = []

    async def late(client: Client, request: HoldRequest, team: str) -> Grant:
        if request.wanted == NOTHING:
            giving[:] = giving or [asyncio.create_task(give(run, micros=1000))]
            if not giving[0].done():
                raise ConnectionError("the account is slow")
        return await reserve(client, request, team)

    monkeypatch.setattr(activities.desks.budgets, "reserve", late)
    budget = {"run_usd": 0.0025, "day_usd": 1}
    async with stack.worker([add]):
        await stack.declare(name, **spending(1000, 1000, 100), budget=budget)
        result = await stack.run(name, f"{name}-1")
    assert giving[0].done()
    assert result.status is RunStatus.SUCCEEDED


async def test_run_told_of_room_while_it_is_refused_asks_again_once_it_has_continued_as_new(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The account tells each run once: what one execution has heard, the next acts upon."""
    reserve, continuation = activities.desks.budgets.reserve, RunKit.continuation
    name = stack.name("spender")
    run = stack.client.get_workflow_handle(f"{name}-1")
    refused: list[Grant] = []

    async def overtaken(client: Client, request: HoldRequest, team: str) -> Grant:
        if len(refused) == 2:
            return await reserve(client, request, team)
        if not refused:
            grant = await reserve(client, request, team)
            if not grant.refused:
                return grant
            refused.append(grant)
            more = {"id": "1", "window": "day", "micros": 9000}
            await client.get_workflow_handle(keeper_id(name)).execute_update("raise_budget", more)
        if await times_told(run):
            refused.append(refused[0])
            return refused[0]
        raise ConnectionError("its answer comes after its word that there is room")

    def at_once(kit: RunKit) -> RunArgument | None:
        grant = kit.money.purse.grant
        with monkeypatch.context() as patch:
            if kit.input.checkpoint is None and grant is not None and grant.refused:
                patch.setattr(Info, "is_continue_as_new_suggested", lambda _: True)
            return continuation(kit)

    monkeypatch.setattr(activities.desks.budgets, "reserve", overtaken)
    monkeypatch.setattr(RunKit, "continuation", at_once)
    async with stack.worker([add]):
        await stack.declare(name, **spending(1000, 1000, 1300), budget={"day_usd": 0.0025})
        result = await stack.run(name, f"{name}-1")
        last = await run.describe()
    assert refused[0].refused.startswith(f"day_usd of agent {name}")
    assert last.raw_description.workflow_execution_info.first_run_id != last.run_id
    assert result.status is RunStatus.SUCCEEDED


async def times_told(run: Run) -> int:
    """How often an account has told the run of room, as far as the run has heard."""
    events = [event async for event in run.fetch_history_events()]
    return sum(event.HasField("workflow_execution_signaled_event_attributes") for event in events)
