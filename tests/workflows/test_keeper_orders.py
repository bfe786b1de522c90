"""Backfills on the real server: in order, so many at once, whatever ends in between."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

import activities.desks.keepers
import workflows.agent
import workflows.keeper_kit.outside
from rota.ids import backfill_run_id, keeper_id
from rota.keepers.admission import RunRef
from rota.keepers.run_orders import Backfill
from rota.keepers.state import KeeperState
from rota.runs import RunStatus
from rota.tools import ToolContext, ToolDefinition, tool
from tests.replay.scenarios import chain
from tests.stack import Stack, script
from tests.workflows.gates import until
from tests.workflows.watched import look_often, message_events

FIRST = datetime(2026, 11, 22, 0, 0, tzinfo=UTC)
SLOTS = [FIRST + timedelta(hours=number) for number in range(6)]
WORKING: dict[str, Any] = {
    "runtime": script({"calls": [{"tool": "slot.work"}]}, {"result": "done"}),
    "tools": ["slot.work"],
    "session": {"concurrency": "parallel"},
}


class Work:
    """A tool `slot.work` that notes who works when, and can be made to hang on a slot."""

    def __init__(self, hanging: datetime | None = None) -> None:
        self.began: list[datetime | None] = []
        self.most = 0
        self.hanging = hanging
        self.hangs = asyncio.Event()
        self.released = asyncio.Event()
        self._at_work = 0

    @property
    def tool(self) -> ToolDefinition:
        """The tool, bound to these notes."""

        @tool(name="slot.work")
        async def work(context: ToolContext) -> str:
            """Work for the slot."""
            self.began.append(context.slot)
            self._at_work += 1
            self.most = max(self.most, self._at_work)
            if context.slot is not None and context.slot == self.hanging:
                self.hangs.set()
                await self.released.wait()
            self._at_work -= 1
            return "worked"

        return work


async def backfill(stack: Stack, name: str, slots: list[datetime], **request: Any) -> Backfill:
    """Ask for a backfill."""
    asked = {"id": "b1", "slots": slots, **request}
    keeper = stack.client.get_workflow_handle(keeper_id(name))
    return await keeper.execute_update("backfill", asked, result_type=Backfill)


def finished(state: KeeperState) -> bool:
    """True once every slot of the newest backfill has come to an end."""
    newest = state.backfills[-1]
    return newest.done == newest.total and not state.orders


async def test_backfill_runs_every_slot_in_order_and_two_at_once_across_continue_as_new(
    hasty: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Six slots: each once, oldest first, never more than two, over several executions."""
    monkeypatch.setattr(workflows.agent, "HOT_ENTRIES", 1)
    name, work = hasty.name("report"), Work()
    async with hasty.worker([work.tool]):
        await hasty.declare(name, **WORKING)
        asked = await backfill(hasty, name, SLOTS, max_parallel=2)
        state = await until(hasty, name, finished)
        again = await backfill(hasty, name, SLOTS, max_parallel=2)
        executions = await chain(hasty.client, keeper_id(name))
        runs = [
            await hasty.client.get_workflow_handle(backfill_run_id(name, slot)).describe()
            for slot in SLOTS
        ]
    assert (asked.total, asked.done) == (6, 0)
    assert (again.succeeded, again.failed, again.skipped) == (6, 0, 0)
    assert len(executions) > 1
    assert state.paged > 0
    assert sorted(work.began, key=str) == SLOTS
    started = [run.start_time for run in runs]
    assert started == sorted(started)
    assert 1 <= work.most <= 2


async def test_backfill_of_slots_that_were_done_only_fills_the_gaps(stack: Stack) -> None:
    """What has succeeded is skipped and counted so; with force it is done again."""
    name, work = stack.name("report"), Work()
    async with stack.worker([work.tool]):
        await stack.declare(name, **WORKING)
        await stack.run(name, f"{name}-1", slot=SLOTS[1].isoformat())
        await backfill(stack, name, SLOTS[:3])
        filled = (await until(stack, name, finished)).backfills[-1]
        await backfill(stack, name, SLOTS[:1], id="b2", force=True)
        forced = (await until(stack, name, finished)).backfills[-1]
    assert (filled.succeeded, filled.failed, filled.skipped) == (2, 0, 1)
    assert (forced.succeeded, forced.failed, forced.skipped) == (1, 0, 0)
    assert work.began == [SLOTS[1], SLOTS[0], SLOTS[2], SLOTS[0]]


@pytest.mark.parametrize("count", [16, pytest.param(48, marks=pytest.mark.soak)])
async def test_backfill_with_slots_done_runs_the_rest_on_a_keeper_that_often_continues(
    hasty: Stack, count: int
) -> None:
    """Nothing is lost or doubled on the way through many executions of the keeper."""
    slots = [FIRST + timedelta(hours=number) for number in range(count)]
    done = sorted({0, 7, 8, count - 1})
    name, work = hasty.name("report"), Work()
    async with hasty.worker([work.tool]):
        await hasty.declare(name, **WORKING)
        for number in done:
            await hasty.run(name, f"{name}-{number}", slot=slots[number].isoformat())
        before = len(work.began)
        await backfill(hasty, name, slots, max_parallel=4)
        state = await until(hasty, name, finished, seconds=60)
        executions = await chain(hasty.client, keeper_id(name))
    newest = state.backfills[-1]
    left = count - len(done)
    assert (newest.succeeded, newest.failed, newest.skipped) == (left, 0, len(done))
    assert len(work.began) - before == left
    assert sorted(work.began, key=str) == slots
    assert work.most <= 4
    assert len(executions) > count // 10


async def test_terminated_backfill_run_does_not_stall_the_batch(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its slot counts as failed, and the next one starts."""
    look_often(monkeypatch)
    name, work = stack.name("report"), Work(hanging=SLOTS[1])
    async with stack.worker([work.tool]):
        await stack.declare(name, **WORKING)
        await backfill(stack, name, SLOTS[:3])
        await work.hangs.wait()
        run = stack.client.get_workflow_handle(backfill_run_id(name, SLOTS[1]))
        await run.terminate("by force")
        state = await until(stack, name, finished)
        work.released.set()
    assert work.began == SLOTS[:3]
    statuses = [(entry.slot, entry.status) for entry in state.ledger.values()]
    assert statuses == [
        (SLOTS[0], RunStatus.SUCCEEDED),
        (SLOTS[1], RunStatus.FAILED),
        (SLOTS[2], RunStatus.SUCCEEDED),
    ]
    newest = state.backfills[-1]
    assert (newest.succeeded, newest.failed, newest.skipped) == (2, 1, 0)


async def test_keeper_that_cannot_start_runs_serves_on_and_tries_again(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Orders outlast a server that refuses them; every slot is run once in the end."""
    look_often(monkeypatch)
    options = workflows.keeper_kit.outside.keeper_options()
    options["start_to_close_timeout"] = options["schedule_to_close_timeout"] = timedelta(seconds=1)
    monkeypatch.setattr(workflows.keeper_kit.outside, "keeper_options", lambda: options)
    refusals: list[str] = []
    accepting = asyncio.Event()
    start_order = activities.desks.keepers.start_order

    async def reluctant(client: Any, input: Any, order: Any) -> RunRef:
        started = await start_order(client, input, order)
        if not accepting.is_set() and order.slot == SLOTS[1]:
            refusals.append(order.run_id)
            raise ApplicationError("the answer was lost")
        return started

    monkeypatch.setattr(activities.desks.keepers, "start_order", reluctant)
    name, work = stack.name("report"), Work()
    async with stack.worker([work.tool]):
        await stack.declare(name, **WORKING)
        await backfill(stack, name, SLOTS[:3], max_parallel=3)
        await until(stack, name, lambda _: bool(refusals))
        between = await stack.run(name, f"{name}-1")
        accepting.set()
        state = await until(stack, name, finished)
    assert between.status is RunStatus.SUCCEEDED
    assert sorted(slot for slot in work.began if slot) == SLOTS[:3]
    assert state.backfills[-1].succeeded == 3


async def test_backfill_of_a_retired_agent_is_refused_in_one_line(stack: Stack) -> None:
    """The person reads what to do; what was ordered before is withdrawn and counted."""
    name, work = stack.name("report"), Work(hanging=SLOTS[0])
    async with stack.worker([work.tool]):
        await stack.declare(name, **WORKING)
        await backfill(stack, name, SLOTS[:3])
        await work.hangs.wait()
        await stack.client.get_workflow_handle(keeper_id(name)).execute_update("retire")
        with pytest.raises(WorkflowUpdateFailedError) as caught:
            await backfill(stack, name, SLOTS, id="b2")
        work.released.set()
        state = await until(stack, name, finished)
    assert isinstance(caught.value.cause, ApplicationError)
    assert caught.value.cause.type == "BackfillRefusedError"
    assert caught.value.cause.message.startswith("no declaration is in force: run 'rota apply'")
    newest = state.backfills[-1]
    assert (newest.succeeded, newest.failed, newest.skipped) == (1, 0, 2)
    assert work.began == SLOTS[:1]


async def test_ordinary_run_costs_its_keeper_two_updates_and_nothing_else(stack: Stack) -> None:
    """Also after a backfill: no timer, no look-up, no signal for those who order nothing."""
    name, work = stack.name("report"), Work()
    async with stack.worker([work.tool]):
        await stack.declare(name, **WORKING)
        await backfill(stack, name, SLOTS[:1])
        await until(stack, name, finished)
        await stack.run(name, f"{name}-1")  # puts the last timer of the backfill away
        before = await message_events(stack, name)
        await stack.run(name, f"{name}-2")
        added = (await message_events(stack, name))[len(before) :]
    assert (
        added
        == [
            "workflow_execution_update_accepted",
            "workflow_execution_update_completed",
        ]
        * 2
    )
