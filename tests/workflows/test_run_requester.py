"""Who asked for a run: told by its starter, handed down to what it calls, else who declared it."""

from datetime import UTC, datetime

from temporalio.client import WorkflowHandle

from activities.documents import get_context, get_node
from rota.ids import backfill_run_id, handoff_run_id, keeper_id
from rota.keepers.run_orders import Backfill, BackfillRequest
from rota.pinned_spec import PinnedSpec
from rota.runs import AgentRunResult
from tests.stack import Stack, script
from tests.workflows.gates import poll


async def requester(stack: Stack, transcript: str | None) -> str:
    """Who asked for the run, as its context says."""
    assert transcript is not None
    node = await get_node(stack.store, transcript)
    return (await get_context(stack.store, node.context)).requester


async def test_requester_of_a_run_is_who_its_starter_names_also_below_it(stack: Stack) -> None:
    """The called agent works for the same person."""
    caller, called = stack.name("caller"), stack.name("called")
    async with stack.worker():
        await stack.declare(called, runtime=script({"result": "done"}))
        await stack.declare(
            caller,
            runtime=script({"calls": [{"tool": f"agents.{called}"}]}, {"result": "done"}),
            tools=[f"agents.{called}"],
        )
        result = await stack.run(caller, f"{caller}-1", by="kim")
        below: WorkflowHandle[object, AgentRunResult] = stack.client.get_workflow_handle(
            handoff_run_id(f"{caller}-1", called, 1, 0), result_type=AgentRunResult
        )
        child = await below.result()
        assert await requester(stack, result.transcript) == "kim"
        assert await requester(stack, child.transcript) == "kim"


async def test_requester_of_a_scheduled_run_is_who_applied_the_declaration(stack: Stack) -> None:
    """A run by hand that names nobody has none; a schedule acts for who applied it."""
    name = stack.name("nightly")
    async with stack.worker():
        spec = await stack.declare(name, runtime=script({"result": "done"}))
        keeper = stack.client.get_workflow_handle(keeper_id(name))
        await keeper.execute_update("declare", PinnedSpec.of(spec, fleet="test", by="lee"))
        scheduled = await stack.run(name, f"{name}-1", trigger="schedule")
        by_hand = await stack.run(name, f"{name}-2")
        assert await requester(stack, scheduled.transcript) == "lee"
        assert await requester(stack, by_hand.transcript) == ""


async def test_requester_of_a_backfilled_run_is_who_asked_for_the_backfill(stack: Stack) -> None:
    """Whoever had the slots run again is not the one to approve what they do."""
    name, slot = stack.name("nightly"), datetime(2026, 11, 2, 6, tzinfo=UTC)
    async with stack.worker():
        schedule = {"cron": "0 6 * * *", "timezone": "UTC"}
        await stack.declare(name, runtime=script({"result": "done"}), schedule=schedule)
        keeper = stack.client.get_workflow_handle(keeper_id(name))
        await keeper.execute_update("backfill", BackfillRequest(id="b1", slots=(slot,), by="kim"))
        run: WorkflowHandle[object, AgentRunResult] = stack.client.get_workflow_handle(
            backfill_run_id(name, slot, 1), result_type=AgentRunResult
        )

        async def done() -> Backfill | None:
            [backfill] = (await stack.keeper(name)).backfills
            return backfill if backfill.done else None

        await poll(done)
        result = await run.result()
        assert await requester(stack, result.transcript) == "kim"
