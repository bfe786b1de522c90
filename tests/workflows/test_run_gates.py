"""The clock of a run: gates it waits at, and when its own time begins and ends."""

from datetime import UTC, datetime, timedelta
from typing import Any

from rota.coordination.lineage import Lineage
from rota.failures import FailureCategory
from rota.ids import format_slot
from rota.runs import RunStatus
from tests.stack import Stack, script
from tests.workflows.claude import ending_of
from tests.workflows.gates import GATED, Gate, until
from tests.workflows.standing import Run, this_second, waits
from tests.workflows.test_run_cancel import has_status

DONE: dict[str, Any] = {"runtime": script({"result": "done"})}


async def started_for(stack: Stack, name: str, slot: datetime, **input: Any) -> Run:
    """A run for a slot."""
    return await stack.start(name, f"{name}-1", slot=slot.isoformat(), **input)


def child(slot: datetime, seconds: int) -> dict[str, Any]:
    """Lineage of a run that must end so many seconds after the slot."""
    deadline = slot + timedelta(seconds=seconds)
    return Lineage(root="parent", parent="parent", deadline=deadline).model_dump(mode="json")


async def test_gate_not_before_holds_back_work_whose_need_is_met(stack: Stack) -> None:
    """Clock gate and dependency both have to open."""
    slot = this_second()
    opens = slot + timedelta(seconds=4)
    upstream, name = stack.name("report"), stack.name("mail")
    async with stack.worker():
        await stack.declare(upstream, **DONE)
        await stack.declare(name, **DONE, needs=[{"agent": upstream, "not_before": "4s"}])
        await (await started_for(stack, upstream, slot)).result()
        run = await started_for(stack, name, slot)
        told = await waits(run)
        result = await run.result()
        (entry,) = (await stack.keeper(name)).ledger.values()
    assert told == [f"{format_slot(opens)} (not_before)"]
    assert result.status is RunStatus.SUCCEEDED
    assert entry.settled_at is not None
    assert entry.settled_at >= opens


async def test_gate_that_is_open_already_costs_no_wait(stack: Stack) -> None:
    """A run that comes late passes: the gate says not before, and it is after."""
    slot = this_second() - timedelta(minutes=5)
    upstream, name = stack.name("report"), stack.name("mail")
    async with stack.worker():
        await stack.declare(upstream, **DONE)
        await stack.declare(name, **DONE, needs=[{"agent": upstream, "not_before": "1m"}])
        await (await started_for(stack, upstream, slot)).result()
        run = await started_for(stack, name, slot)
        await run.result()
        events = (await run.fetch_history()).events
    assert not [event for event in events if event.HasField("timer_started_event_attributes")]


async def test_gate_by_the_clock_means_the_zone_of_the_declaration(stack: Stack) -> None:
    """06:15 is the local time of the schedule, whatever the worker's own."""
    slot = datetime(2026, 7, 1, 4, 0, tzinfo=UTC)  # 06:00 in Berlin
    upstream, name = stack.name("report"), stack.name("mail")
    schedule = {"cron": "0 6 * * *", "timezone": "Europe/Berlin"}
    need = {"agent": upstream, "deadline": "08:00", "otherwise": "fail"}
    async with stack.worker():
        await stack.declare(upstream, **DONE)
        await stack.declare(name, **DONE, needs=[need], schedule=schedule)
        run = await started_for(stack, name, slot, trigger="rerun")
        ending = await ending_of(run)
    assert "waits no longer than 2026-07-01T06:00:00Z" in ending.result.reason


async def test_clock_of_a_run_starts_after_its_waits(stack: Stack) -> None:
    """A wait longer than the wall clock costs a run none of it."""
    slot, gate = this_second(), Gate()
    upstream, name = stack.name("report"), stack.name("brief")
    needs = [{"agent": upstream, "deadline": "5m"}]
    async with stack.worker([gate.tool]):
        await stack.declare(upstream, **GATED)
        await stack.declare(name, **DONE, needs=needs, budget={"wall_clock": "2s"})
        await started_for(stack, upstream, slot)
        run = await started_for(stack, name, slot)
        await waits(run)
        await until(stack, name, lambda _: this_second() > slot + timedelta(seconds=3))
        gate.opened.set()
        result = await run.result()
    assert result.status is RunStatus.SUCCEEDED


async def test_wait_for_a_need_ends_with_the_time_of_whatever_started_the_run(
    stack: Stack,
) -> None:
    """A child waits no longer than its parent may work, whatever its own declaration says."""
    slot = this_second()
    upstream, name = stack.name("report"), stack.name("mail")
    async with stack.worker():
        await stack.declare(upstream, **DONE)
        await stack.declare(name, **DONE, needs=[{"agent": upstream, "deadline": "1h"}])
        ending = await ending_of(await started_for(stack, name, slot, lineage=child(slot, 2)))
    assert ending.result.status is RunStatus.FAILED
    assert ending.result.lineage is not None
    assert ending.result.lineage.root == "parent"


async def test_work_ends_with_the_time_of_whatever_started_the_run(stack: Stack) -> None:
    """The earlier of two limits counts."""
    slot, gate = this_second(), Gate()
    name = stack.name("child")
    async with stack.worker([gate.tool]):
        await stack.declare(name, **GATED)
        ending = await ending_of(await started_for(stack, name, slot, lineage=child(slot, 3)))
        gate.opened.set()
    assert ending.result.status is RunStatus.TIMED_OUT
    assert "deadline of whatever started it" in ending.result.reason


async def test_queue_is_left_when_whatever_started_the_run_can_wait_no_longer(
    stack: Stack,
) -> None:
    """It times out, and the place in the queue is free."""
    slot, gate = this_second(), Gate()
    name = stack.name("busy")
    async with stack.worker([gate.tool]):
        await stack.declare(name, **GATED)
        holder = await stack.start(name, f"{name}-holder")
        await has_status(stack, name, f"{name}-holder", RunStatus.RUNNING)
        ending = await ending_of(await started_for(stack, name, slot, lineage=child(slot, 3)))
        queue = (await stack.keeper(name)).session("default").queue
        gate.opened.set()
        await holder.result()
    assert ending.result.status is RunStatus.TIMED_OUT
    assert ending.result.category is FailureCategory.LIMIT_REACHED
    assert f"{name}-holder" in ending.result.reason
    assert queue == ()
