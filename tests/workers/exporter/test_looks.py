"""What the server and the Watchdog know beside the keepers, as one look at a fleet finds it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleIntervalSpec,
    ScheduleSpec,
    ScheduleState,
)

from rota.budgets.reservations import Cap, WindowKind
from rota.ids import breaker_id, budget_id, keeper_id, keeper_queue
from rota.metrics.readings import KeeperReading, LimitReading
from rota.pinned_spec import PinnedSpec
from rota.runtimes.breaker import Breaker, Phase
from rota.team_spec import PinnedTeam
from tests.approving import Ledger, calling, decide, open_approvals, posting
from tests.stack import Stack
from tests.workflows.gates import poll
from tests.workflows.money import priced, turn
from workers.exporter import looks
from workers.exporter.snapshot import BreakerLook

APPROVING: dict[str, Any] = {
    "runtime": calling(posting(), posting("DE13")),
    "tools": ["ledger.post"],
    "approvals": {"ledger.post": {"timeout": "1h"}},
}


@pytest.fixture
async def served(stack: Stack) -> AsyncIterator[Stack]:
    """A stack with a worker that has the ledger's tools."""
    async with stack.worker(Ledger().tools):
        yield stack


async def test_calls_that_wait_for_people_are_counted_with_the_oldest(served: Stack) -> None:
    """While they wait; once decided they are the keeper's, by how they ended."""
    agent = served.name("approving")
    spec = await served.declare(agent, **APPROVING)
    keeper = served.client.get_workflow_handle(keeper_id(agent))
    await keeper.execute_update("declare", PinnedSpec.of(spec, fleet=served.task_queue))
    handle = await served.start(agent, f"{agent}-1")
    first, second = await open_approvals(handle, 2)

    async def listed() -> looks.Waits | None:
        return (await looks.waits(served.client, {agent})).get(agent)

    waits = await poll(listed)
    assert (waits.approvals, waits.parked) == (2, 0)
    assert waits.oldest == datetime.fromisoformat(first["since"])
    assert [(each.run, each.call, each.tool) for each in waits.calls] == [
        (handle.id, "a1", "ledger.post"),
        (handle.id, "a2", "ledger.post"),
    ]
    await decide(handle, first)
    await decide(handle, second, "deny")
    await handle.result()

    async def read() -> Any:
        found = await looks.keepers(served.client, served.task_queue)
        return found.get(agent)

    tally = (await poll(read)).totals.tally
    assert tally.approvals == {"approved": 1, "denied": 1}
    assert tally.calls == {"approved": 1, "denied": 1}
    assert tally.effects == {"first": 1}
    assert tally.waits.count == 2


async def test_account_of_a_team_is_read_with_what_is_left(served: Stack) -> None:
    """As its limit stands now."""
    team = served.name("finance")
    account = await served.client.start_workflow(
        "Budget", id=budget_id(team), task_queue=keeper_queue(served.task_queue)
    )
    caps = {WindowKind.DAY: Cap(micros=5_000_000)}
    declared = PinnedTeam(digest="d", name=team, fleet=served.task_queue, window_caps=caps)
    await account.execute_update("declare", declared)

    async def read() -> looks.AccountReading | None:
        return (await looks.teams(served.client, served.task_queue)).get(team)

    reading = await poll(read)
    limit = LimitReading(window=WindowKind.DAY, dimension="micros", limit=5_000_000, left=5_000_000)
    assert reading.limits == (limit,)
    assert reading.spent[WindowKind.DAY] == 0


async def test_schedule_is_read_as_the_server_lists_it(stack: Stack) -> None:
    """When the next slot is, how far apart slots are, whether it is paused; of the fleet alone."""
    hourly, paused = stack.name("hourly"), stack.name("paused")
    for id in (hourly, paused):
        action = ScheduleActionStartWorkflow("AgentRun", {}, id=id, task_queue=stack.task_queue)
        spec = ScheduleSpec(intervals=[ScheduleIntervalSpec(every=timedelta(hours=1))])
        state = ScheduleState(paused=id == paused)
        await stack.client.create_schedule(id, Schedule(action=action, spec=spec, state=state))

    async def listed() -> dict[str, looks.ScheduleLook] | None:
        found = await looks.schedules(stack.client, {hourly, paused})
        return found if len(found) == 2 else None

    found = await poll(listed)
    now = datetime.now(UTC)
    assert found[hourly].interval == timedelta(hours=1)
    following = found[hourly].next
    assert following is not None
    assert now < following <= now + timedelta(hours=1)
    assert found[hourly].upcoming[:2] == (following, following + timedelta(hours=1))
    assert (found[hourly].paused, found[paused].paused) == (False, True)
    assert await looks.schedules(stack.client, {"another"}) == {}
    for id in found:
        await stack.client.get_schedule_handle(id).delete()


async def test_open_breaker_is_read_with_its_runtime(served: Stack) -> None:
    """And the account that it guards: a runtime may have several."""
    kind = served.name("provider")
    opened = Breaker(
        kind=kind, account="env:KEY", phase=Phase.OPEN, until=datetime.now(UTC) + timedelta(hours=1)
    )
    id, queue = breaker_id(kind, "env:KEY"), keeper_queue(served.task_queue)
    handle = await served.client.start_workflow("Breaker", opened, id=id, task_queue=queue)

    async def listed() -> list[BreakerLook] | None:
        found = [each for each in await looks.breakers(served.client) if each.runtime == kind]
        return found or None

    assert await poll(listed) == [BreakerLook(kind, "env:KEY", Phase.OPEN)]
    await handle.terminate()


def test_whoever_is_silent_is_remembered_and_whoever_never_spoke_is_not_made_up() -> None:
    """Nor is whoever is declared no longer kept."""
    before = {"a": 1, "gone": 2}
    assert looks.remembered({"a": None, "b": 3, "never": None}, before) == {"a": 1, "b": 3}


async def test_keepers_that_answer_slowly_do_not_hide_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Once time is up nobody else is asked, and who has answered is told: not nobody."""
    monkeypatch.setattr(looks, "ENOUGH", timedelta(seconds=0.2))
    asked: list[str] = []

    async def listed(*_: object) -> list[str]:
        return [keeper_id(f"agent-{number}") for number in range(40)]

    async def answer(_: object, id: str, *__: object) -> KeeperReading:
        asked.append(id)
        await asyncio.sleep(0.15)
        return KeeperReading()

    monkeypatch.setattr(looks, "holders_of", listed)
    monkeypatch.setattr(looks, "open_state", answer)
    told = await looks.keepers(cast(Client, None), "fleet")
    assert len(told) == 40
    assert sum(each is not None for each in told.values()) == len(asked) == 20
    assert list(told) == sorted(told)


async def test_agent_at_rest_has_spent_nothing_in_a_new_day(served: Stack) -> None:
    """A workflow's own time stands still while it rests: yesterday's cost is not today's."""
    agent = served.name("resting")
    await served.declare(agent, runtime=priced(turn(2000, result="done")))
    await served.run(agent, f"{agent}-1")
    keeper = served.client.get_workflow_handle(keeper_id(agent))
    now = datetime.now(UTC)
    for later, spent in ((timedelta(0), True), (timedelta(days=1), False)):
        reading = await keeper.query("reading", now + later, result_type=KeeperReading)
        account = reading.account
        assert (account.spent[WindowKind.DAY] > 0) == spent
        until = account.ends[WindowKind.DAY] - (now + later)
        assert timedelta(0) < until <= timedelta(days=1)
