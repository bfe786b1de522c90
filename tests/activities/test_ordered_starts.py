"""What `start_runs` starts, on the real server with nobody to serve the runs."""

from typing import Any

import pytest
from temporalio.client import WorkflowExecutionStatus

from activities.desks.keepers import KeeperDeskActivities
from rota.ids import parse_slot
from rota.keepers.admission import RunRef
from rota.keepers.run_orders import RunOrder
from rota.kinds import Kind
from rota.runs import Trigger
from rota.steps import StartRunsInput
from tests.stack import Stack

SLOT = "2026-11-22T06:00:00Z"


async def start(stack: Stack, kind: Kind, *ids: str) -> list[RunRef]:
    """Start a re-run of the slot under each id."""
    slot = parse_slot(SLOT)
    orders = tuple(RunOrder(run_id=id, slot=slot, trigger=Trigger.RERUN) for id in ids)
    input = StartRunsInput(name="report", kind=kind, task_queue=stack.task_queue, orders=orders)
    return await KeeperDeskActivities(stack.client, stack.store).start_runs(input)


@pytest.mark.parametrize(
    ("kind", "workflow", "subject"),
    [("Agent", "AgentRun", "agent"), ("Pipeline", "PipelineRun", "pipeline")],
)
async def test_start_runs_starts_what_a_schedule_would(
    stack: Stack, kind: Kind, workflow: str, subject: str
) -> None:
    """The workflow type by kind, and an input anyone could have written by hand."""
    (ref,) = await start(stack, kind, f"{stack.task_queue}-1")
    handle = stack.client.get_workflow_handle(ref.id)
    described = await handle.describe()
    started = (await handle.fetch_history()).events[0].workflow_execution_started_event_attributes
    (argument,) = await stack.client.data_converter.decode(started.input.payloads, [dict[str, Any]])
    await handle.terminate()
    assert described.workflow_type == workflow
    assert described.task_queue == stack.task_queue
    assert described.run_id == ref.key
    assert await described.static_summary() == f"report · {SLOT} · rerun"
    assert argument == {subject: "report", "slot": SLOT, "trigger": "rerun"}


async def test_start_runs_again_finds_what_was_started_and_starts_the_rest(stack: Stack) -> None:
    """An attempt that died half-way leaves no run twice, and none out; ended ones included."""
    first, second, third = (f"{stack.task_queue}-{number}" for number in (1, 2, 3))
    begun = await start(stack, "Agent", first, second)
    await stack.client.get_workflow_handle(second).terminate()
    found = await start(stack, "Agent", first, second, third)
    assert found[:2] == begun
    assert [ref.id for ref in found] == [first, second, third]
    ended = await stack.client.get_workflow_handle(second).describe()
    assert ended.status is WorkflowExecutionStatus.TERMINATED
    for id in (first, third):
        await stack.client.get_workflow_handle(id).terminate()
