"""Resource locks on the real server: one holder at a time, in the order of asking."""

import asyncio
from datetime import timedelta

import pytest
from temporalio.client import WorkflowUpdateFailedError

import workflows.resource_lock
from rota.coordination.locks import LockState
from tests.stack import Stack
from tests.workflows.gates import poll
from tests.workflows.lock_bench import LockBench

SOON = timedelta(seconds=1)


async def pass_along(bench: LockBench, count: int) -> list[str]:
    """Let `count` runs ask one after the other; return the order in which they held it."""
    askers = [await bench.come(f"r{number}") for number in range(1, count + 1)]
    answers = [await bench.ask(asker) for asker in askers]
    assert [answer.position for answer in answers] == list(range(count))
    held = []
    for fence, asker in enumerate(askers, start=1):
        answer = answers[0] if fence == 1 else await asker.turn()
        assert (answer.granted, answer.fence, answer.run) == (True, fence, asker.run)
        await bench.held_by(asker)
        held.append(answer.run.id)
        await bench.release(asker)
    return held


async def test_lock_of_twenty_runs_goes_from_one_to_the_next_in_order(stack: Stack) -> None:
    """The order of grants is the order of asking; the fencing numbers are 1 to 20."""
    bench = LockBench(stack)
    async with stack.worker(), bench.askers():
        held = await pass_along(bench, 20)
        state = await bench.state()
    assert held == [f"{bench.name}-r{number}" for number in range(1, 21)]
    assert state == LockState(name=bench.name, fence=20, granted=20)


async def test_lock_asked_for_by_twenty_at_once_is_granted_to_one_after_the_other(
    stack: Stack,
) -> None:
    """However they arrive: one holder, no place given twice, every fence once."""
    bench = LockBench(stack)
    async with stack.worker(), bench.askers():
        askers = [await bench.come(f"r{number}") for number in range(20)]
        answers = await asyncio.gather(*(bench.ask(asker) for asker in askers))
        assert sorted(answer.position for answer in answers) == list(range(20))
        in_order = sorted(zip(answers, askers, strict=True), key=lambda pair: pair[0].position)
        fences = [in_order[0][0].fence]
        await bench.release(in_order[0][1])
        for _, asker in in_order[1:]:
            fences.append((await asker.turn()).fence)
            await bench.release(asker)
    assert fences == list(range(1, 21))


async def test_lock_of_a_terminated_holder_goes_to_the_next(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody reports the end of a terminated run; the lock finds out by itself, without a store."""

    async def stalled(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr("activities.desks.keepers.recorded_use", stalled)
    monkeypatch.setattr("activities.desks.keepers.STORE_SECONDS", 20.0)
    monkeypatch.setattr(workflows.resource_lock, "RECLAIM_INTERVAL", SOON)
    bench = LockBench(stack)
    async with stack.worker(), bench.askers():
        holder, waiter = await bench.come("holder"), await bench.come("waiter")
        await bench.ask(holder)
        await bench.ask(waiter)
        await holder.handle.terminate()
        async with asyncio.timeout(10):
            answer = await waiter.turn()
        state = await bench.state()
    assert (answer.granted, answer.fence, state.expired) == (True, 2, 1)


async def test_lock_of_a_living_holder_is_not_taken_away(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looking after the holder, again and again, ends no lease that is in force."""
    monkeypatch.setattr(workflows.resource_lock, "RECLAIM_INTERVAL", timedelta(seconds=0.2))
    bench = LockBench(stack)
    async with stack.worker(), bench.askers():
        holder, waiter = await bench.come("holder"), await bench.come("waiter")
        await bench.ask(holder)
        await bench.ask(waiter)

        async def looked_twice() -> bool | None:
            events = [event async for event in bench.handle.fetch_history_events()]
            looks = [e for e in events if e.HasField("activity_task_completed_event_attributes")]
            return len(looks) >= 2 or None

        await poll(looked_twice)
        state = await bench.held_by(holder)
    assert state.expired == 0


async def test_lock_released_and_asked_for_twice_is_told_once(stack: Stack) -> None:
    """Every message may come twice: no second lease, no second grant, no lost place."""
    bench = LockBench(stack)
    async with stack.worker(), bench.askers():
        holder, second, third = [await bench.come(name) for name in ("h", "s", "t")]
        assert await bench.ask(holder) == await bench.ask(holder)
        assert await bench.ask(second) == await bench.ask(second)
        await bench.ask(third)
        await bench.release(holder)
        await bench.release(holder)
        await second.turn()
        assert (await bench.ask(second)).fence == 2
        await bench.release(second)
        await third.turn()
        state = await bench.state()
        told = [len(await asker.told()) for asker in (holder, second, third)]
    assert (state.fence, state.granted, told) == (3, 3, [0, 1, 1])


async def test_lock_passes_over_a_run_that_ended_while_it_waited(stack: Stack) -> None:
    """A signal that reaches nobody hands the lock on at once."""
    bench = LockBench(stack)
    async with stack.worker(), bench.askers():
        holder, gone, last = [await bench.come(name) for name in ("h", "g", "l")]
        for asker in (holder, gone, last):
            await bench.ask(asker)
        await gone.handle.terminate()
        await bench.release(holder)
        answer = await last.turn()
    assert answer.fence == 3


async def test_lock_refuses_a_run_whose_wait_is_over(stack: Stack) -> None:
    """A place in the queue lasts as long as was asked for; the others move up."""
    bench = LockBench(stack)
    async with stack.worker(), bench.askers():
        holder, short, gone, long = [await bench.come(name) for name in ("h", "s", "g", "l")]
        await bench.ask(holder)
        await bench.ask(short, wait=0.3)
        await bench.ask(gone, wait=0.3)
        await bench.ask(long)
        await gone.handle.terminate()
        answer = await short.turn()
        state = await bench.held_by(holder)
    assert (answer.granted, answer.fence) == (False, 0)
    assert answer.refused == f"not free within 300ms; {holder.run.id} holds it"
    assert [waiting.request.run for waiting in state.queue] == [long.run]


async def test_lock_shows_who_holds_it_and_who_waits(stack: Stack) -> None:
    """The Temporal UI tells it without a query of one's own."""
    bench = LockBench(stack)
    async with stack.worker(), bench.askers():
        holder, waiter = await bench.come("holder"), await bench.come("waiter")
        await bench.ask(holder)
        await bench.ask(waiter)
        shown = (await bench.handle.query("__temporal_workflow_metadata")).current_details
    assert f"held by {holder.run.id}" in shown
    assert f"1 waiting: {waiter.run.id}" in shown


async def test_lock_refuses_a_message_that_does_not_fit_and_serves_on(stack: Stack) -> None:
    """A typing mistake from outside fails alone."""
    bench = LockBench(stack)
    async with stack.worker(), bench.askers():
        holder = await bench.come("holder")
        await bench.ask(holder)
        endless = {"run": {"id": "a", "key": "b"}, "wait_seconds": 1e300}
        for wrong in (endless, {"run": "a"}, "books"):
            with pytest.raises(WorkflowUpdateFailedError):
                await bench.handle.execute_update("acquire", wrong)
        state = await bench.state()
    assert (state.granted, state.queue) == (1, ())


async def test_lock_that_nobody_waits_for_costs_nothing(stack: Stack) -> None:
    """Held or free: without a queue there is no timer and no look-up."""
    bench = LockBench(stack)
    async with stack.worker(), bench.askers():
        holder = await bench.come("holder")
        await bench.ask(holder)
        await bench.release(holder)
        await bench.ask(holder)
        events = [event async for event in bench.handle.fetch_history_events()]
    started = [event.HasField("timer_started_event_attributes") for event in events]
    looked = [event.HasField("activity_task_scheduled_event_attributes") for event in events]
    assert not any(started + looked)


async def test_lock_continued_as_new_keeps_lease_queue_and_fences(hasty: Stack) -> None:
    """Twenty runs pass it along while its history is cut again and again."""
    bench = LockBench(hasty)
    async with hasty.worker(), bench.askers():
        held = await pass_along(bench, 20)
        state = await bench.state()
        described = await bench.handle.describe()
    assert held == [f"{bench.name}-r{number}" for number in range(1, 21)]
    assert (state.fence, state.lease, state.queue) == (20, None, ())
    assert described.run_id != described.raw_description.workflow_execution_info.first_run_id
