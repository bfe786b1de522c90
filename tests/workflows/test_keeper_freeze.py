"""A frozen keeper on the real server: what waits, what is turned away, when it ends."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from rota.ids import backfill_run_id, keeper_id
from rota.keepers.freeze import FreezeChange
from rota.runs import RunStatus
from rota.visibility import KEEPER_MEMO
from tests.pipelines import declare_pipeline, result_of, start_pipeline
from tests.replay.scenarios import chain
from tests.stack import Stack, script
from tests.workflows.gates import GATED, Gate, poll, until, waiting
from tests.workflows.handing import asks, declare_caller

INSTANT: dict[str, Any] = {"runtime": script({"result": "done"})}
SLOT = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)


async def freeze(stack: Stack, name: str, **request: Any) -> FreezeChange:
    """Freeze an agent as `rota freeze` does."""
    asked = {"reason": "quarter end", "by": "ann", **request}
    keeper = stack.client.get_workflow_handle(keeper_id(name))
    return await keeper.execute_update("freeze", asked, result_type=FreezeChange)


async def thaw(stack: Stack, name: str) -> FreezeChange:
    """Thaw it as `rota thaw` does."""
    keeper = stack.client.get_workflow_handle(keeper_id(name))
    return await keeper.execute_update("thaw", "bob", result_type=FreezeChange)


async def test_frozen_keeper_turns_a_new_run_away_and_thawed_it_lets_the_next_go(
    stack: Stack,
) -> None:
    """The run says who froze it and why; freezing and thawing again change nothing."""
    name = stack.name("report")
    async with stack.worker():
        await stack.declare(name, **INSTANT)
        first = await freeze(stack, name)
        again = await freeze(stack, name)
        refused = await stack.run(name, f"{name}-1")
        thawed = await thaw(stack, name)
        nothing = await thaw(stack, name)
        done = await stack.run(name, f"{name}-2")
        (past,) = (await stack.keeper(name)).thawed
    assert (refused.status, refused.reason) == (
        RunStatus.SKIPPED,
        "frozen by ann: quarter end",
    )
    assert first.before is None
    assert again.before == again.after == thawed.before == first.after == past.freeze
    assert (thawed.after, nothing.before, past.by) == (None, None, "bob")
    assert done.status is RunStatus.SUCCEEDED


async def test_freeze_that_is_over_already_is_refused_in_one_line(stack: Stack) -> None:
    """A mistyped year does not look like a freeze."""
    name = stack.name("report")
    async with stack.worker():
        await stack.declare(name, **INSTANT)
        with pytest.raises(WorkflowUpdateFailedError) as caught:
            await freeze(stack, name, until="2020-01-01T00:00:00Z")
        state = await stack.keeper(name)
    assert isinstance(caught.value.cause, ApplicationError)
    assert caught.value.cause.message.startswith("it would have ended at 2020-01-01T00:00:00Z")
    assert state.freeze is None


async def test_freeze_with_an_end_lets_those_who_wait_go_by_itself(stack: Stack) -> None:
    """Nobody thaws it and nobody asks: the queue moves when the time has come."""
    name, gate = stack.name("report"), Gate()
    async with stack.worker([gate.tool]):
        await stack.declare(name, **GATED)
        first = await stack.start(name, f"{name}-1")
        await gate.reached.wait()
        second = await stack.start(name, f"{name}-2")
        await until(stack, name, waiting(1))
        end = datetime.now(UTC) + timedelta(seconds=3)
        await freeze(stack, name, until=end.isoformat())
        gate.opened.set()
        await first.result()
        assert (await stack.keeper(name)).freeze is not None
        assert (await _memo(stack, name))["freeze"]["by"] == "ann"
        result = await second.result()
        ended = datetime.now(UTC)
        state = await stack.keeper(name)
        listed = await _memo(stack, name)
    assert result.status is RunStatus.SUCCEEDED
    assert ended >= end
    assert (state.freeze, state.thawed[-1].ended, state.thawed[-1].by) == (None, end, "")
    assert "freeze" not in listed


async def test_orders_wait_for_the_thaw_and_are_then_carried_out(stack: Stack) -> None:
    """A backfill asked for during a freeze starts nothing, and is whole after it."""
    name = stack.name("report")
    slots = [SLOT + timedelta(hours=number) for number in range(3)]
    async with stack.worker():
        await stack.declare(name, **INSTANT)
        await freeze(stack, name)
        keeper = stack.client.get_workflow_handle(keeper_id(name))
        await keeper.execute_update("backfill", {"id": "b1", "slots": slots})
        # The keeper has answered a further message since: it had its chance to start one.
        await stack.run(name, f"{name}-1")
        frozen = await stack.keeper(name)
        await thaw(stack, name)
        state = await until(stack, name, lambda s: s.backfills[-1].done == 3)
        run = await stack.client.get_workflow_handle(backfill_run_id(name, SLOT)).describe()
    assert [order.run for order in frozen.orders] == [None, None, None]
    assert state.backfills[-1].succeeded == 3
    assert run.start_time > state.thawed[-1].ended


async def test_handoff_of_a_run_at_work_passes_a_queue_that_waits_for_the_thaw(
    stack: Stack,
) -> None:
    """Draining ends well: what the caller needs is let in, before older arrivals."""
    caller, called, gate = stack.name("caller"), stack.name("called"), Gate()
    async with stack.worker([gate.tool]):
        await stack.declare(called, **INSTANT, limits={"parallel": 1})
        turns = ({"calls": [{"tool": "gate.pass"}]}, {"calls": [asks(called)]}, {"result": "ok"})
        tools = ["gate.pass", f"agents.{called}"]
        await stack.declare(caller, runtime=script(*turns), tools=tools)
        at_work = await stack.start(caller, f"{caller}-1")
        await gate.reached.wait()
        for name in (caller, called):
            await freeze(stack, name)
        keeper = stack.client.get_workflow_handle(keeper_id(called))
        await keeper.execute_update("backfill", {"id": "b1", "slots": [SLOT]})
        gate.opened.set()
        result = await at_work.result()
        late = await stack.run(called, f"{called}-late", trigger="handoff", lineage=_recent(caller))
    assert result.status is RunStatus.SUCCEEDED
    assert late.status is RunStatus.SKIPPED


async def test_handoff_to_an_agent_frozen_with_cancel_is_refused(stack: Stack) -> None:
    """Then nothing is to go on: the caller reads why."""
    caller, called = stack.name("caller"), stack.name("called")
    async with stack.worker():
        await stack.declare(called, **INSTANT)
        await declare_caller(stack, caller, called)
        await freeze(stack, called, mode="cancel")
        result = await stack.run(caller, f"{caller}-1")
    assert "frozen by ann: quarter end" in str(result.output)


async def test_pipeline_at_work_ends_although_all_its_agents_are_frozen(stack: Stack) -> None:
    """Its later nodes are let in; a run of it that comes later is not."""
    gated, second, name = stack.name("gated"), stack.name("second"), stack.name("night")
    gate = Gate()
    async with stack.worker([gate.tool]):
        await stack.declare(gated, **GATED)
        await stack.declare(second, **INSTANT)
        nodes = {"first": {"agent": gated}, "last": {"agent": second, "after": ["first"]}}
        await declare_pipeline(stack, name, nodes=nodes)
        handle = await start_pipeline(stack, name, f"{name}-1")
        await gate.reached.wait()
        for each in (gated, second, name):
            await freeze(stack, each)
        gate.opened.set()
        drained = await result_of(handle)
        later = await result_of(await start_pipeline(stack, name, f"{name}-2"))
    assert drained.status is RunStatus.SUCCEEDED
    assert (later.status, later.reason) == (RunStatus.SKIPPED, "frozen by ann: quarter end")


async def test_keeper_that_continues_as_new_stays_frozen(hasty: Stack) -> None:
    """Forty runs are turned away by several executions, in the same words, and then none is."""
    name = hasty.name("report")
    async with hasty.worker():
        await hasty.declare(name, **INSTANT)
        await freeze(hasty, name)
        refused = await asyncio.gather(
            *(hasty.run(name, f"{name}-{number}") for number in range(40))
        )

        async def continued() -> list[Any] | None:
            executions = await chain(hasty.client, keeper_id(name))
            return executions if len(executions) > 1 else None

        await poll(continued)
        state = await hasty.keeper(name)
        await thaw(hasty, name)
        done = await hasty.run(name, f"{name}-done")
    assert {result.reason for result in refused} == {"frozen by ann: quarter end"}
    assert state.freeze is not None
    assert done.status is RunStatus.SUCCEEDED


async def _memo(stack: Stack, name: str) -> dict[str, Any]:
    """What lists of keepers show of it."""
    described = await stack.client.get_workflow_handle(keeper_id(name)).describe()
    return await described.memo_value(KEEPER_MEMO)


def _recent(caller: str) -> dict[str, Any]:
    began = datetime.now(UTC).isoformat()
    return {"root": f"{caller}-2", "parent": f"{caller}-2", "began": began}
