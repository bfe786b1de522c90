"""Keepers, topics and locks outlive a request to cancel them, whatever they are doing."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle

import workflows.resource_lock
from activities.desks.keepers import KeeperDeskActivities
from activities.desks.topics import TopicDeskActivities
from rota.ids import keeper_id
from rota.runs import RunStatus
from tests.stack import Stack
from tests.workflows.gates import GATED, Gate, poll, until, waiting
from tests.workflows.lock_bench import LockBench
from tests.workflows.topics import DONE, Topic, runs_of
from tests.workflows.watched import look_often
from workflows.cancel_requests import IGNORED


class Held:
    """A method that stops where it is called until the test lets it go on."""

    def __init__(self, patch: pytest.MonkeyPatch, owner: type[Any], name: str) -> None:
        self.reached, self.opened = asyncio.Event(), asyncio.Event()
        original = getattr(owner, name)

        async def hold(*arguments: Any) -> Any:
            self.reached.set()
            await self.opened.wait()
            return await original(*arguments)

        patch.setattr(owner, name, hold)


async def cancel_in_vain(handle: WorkflowHandle[Any, Any]) -> None:
    """Ask a workflow to end, and wait until it says that it does not."""
    await handle.cancel()

    async def says() -> bool | None:
        shown = (await handle.query("__temporal_workflow_metadata")).current_details
        return IGNORED in shown or None

    await poll(says)
    assert (await handle.describe()).status is WorkflowExecutionStatus.RUNNING


async def test_keeper_cancelled_during_a_look_up_grants_on_and_keeps_its_ledger(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look-up that hangs holds up no grant, and a cancel request ends neither."""
    look_often(monkeypatch)
    look = Held(monkeypatch, KeeperDeskActivities, "_is_closed")
    gate, name = Gate(), stack.name("kept")
    keeper = stack.client.get_workflow_handle(keeper_id(name))
    async with stack.worker([gate.tool]):
        await stack.declare(name, **GATED)
        runs = [await stack.start(name, f"{name}-1")]
        await gate.reached.wait()
        runs.append(await stack.start(name, f"{name}-2"))
        await until(stack, name, waiting(1))
        await look.reached.wait()
        await cancel_in_vain(keeper)
        gate.opened.set()
        async with asyncio.timeout(15):
            ends = [(await run.result()).status for run in runs]
        assert not look.opened.is_set()
    look.opened.set()
    # Another worker, which knows the keeper by its history alone.
    async with stack.worker([gate.tool]):
        ends.append((await stack.run(name, f"{name}-3")).status)
        state = await stack.keeper(name)
    assert ends == [RunStatus.SUCCEEDED] * 3
    assert len(state.ledger) == 3
    assert (await keeper.describe()).status is WorkflowExecutionStatus.RUNNING


async def test_keeper_cancelled_before_continues_as_new_with_its_ledger(
    hasty: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the middle of a look-up at that; the next execution looks again."""
    look_often(monkeypatch)
    look = Held(monkeypatch, KeeperDeskActivities, "_is_closed")
    gate, name = Gate(), hasty.name("kept")
    keeper = hasty.client.get_workflow_handle(keeper_id(name))
    async with hasty.worker([gate.tool]):
        await hasty.declare(name, **GATED)
        first = await hasty.start(name, f"{name}-1")
        await gate.reached.wait()
        await hasty.start(name, f"{name}-2")
        await until(hasty, name, waiting(1))
        await look.reached.wait()
        await cancel_in_vain(keeper)

        async def continued() -> bool | None:
            await hasty.declare(name, **GATED)
            described = await keeper.describe()
            start = described.raw_description.workflow_execution_info.first_run_id
            return described.run_id != start or None

        look.reached.clear()
        await poll(continued)
        await first.terminate()
        await look.reached.wait()
        look.opened.set()
        gate.opened.set()
        second = await hasty.client.get_workflow_handle(f"{name}-2").result()
        state = await hasty.keeper(name)
    assert second["status"] == RunStatus.SUCCEEDED
    assert len(state.ledger) == 2


async def test_topic_cancelled_during_a_delivery_keeps_subscribers_and_delivers(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The delivery under way ends well, and so does the next."""
    start = Held(monkeypatch, TopicDeskActivities, "_start")
    topic, name = Topic(stack, "closed"), stack.name("settlement")
    async with stack.worker():
        await stack.declare(name, runtime=DONE)
        await topic.subscribe(name)
        await topic.publish(id="a")
        await start.reached.wait()
        await cancel_in_vain(topic.handle)
        start.opened.set()
        await topic.quiet(1)
        await topic.publish(id="b")
        summary = await topic.quiet(2)
        ids = await runs_of(stack, name, 2)
    assert (list(summary.subscribers), summary.delivered, len(ids)) == ([name], 2, 2)


async def test_lock_cancelled_during_a_look_up_hands_on_with_larger_fences(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its queue and its fencing numbers stay, and it still finds out who is gone."""
    monkeypatch.setattr(workflows.resource_lock, "RECLAIM_INTERVAL", timedelta(seconds=0.5))
    look = Held(monkeypatch, KeeperDeskActivities, "_is_closed")
    bench = LockBench(stack)
    async with stack.worker(), bench.askers():
        askers = [await bench.come(name) for name in ("h", "s", "t")]
        for asker in askers:
            await bench.ask(asker)
        await look.reached.wait()
        await cancel_in_vain(bench.handle)
        await bench.release(askers[0])
        fences = [(await askers[1].turn()).fence]
        look.opened.set()
        await askers[1].handle.terminate()
        fences.append((await askers[2].turn()).fence)
    assert fences == [2, 3]
