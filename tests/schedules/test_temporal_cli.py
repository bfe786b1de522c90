"""Applied schedules in the hands of the `temporal` command, as an operator uses it."""

import asyncio
import json
from datetime import UTC, datetime

from rota.runs import AgentRunResult, RunStatus, Trigger
from tests.fleets import DAILY, apply_of, declared, drift_of, fleet_of
from tests.stack import Stack
from workers.devserver import temporal_binary


async def _temporal(stack: Stack, *arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        temporal_binary(),
        *arguments,
        "--address",
        stack.address,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode()


async def _scheduled_run(stack: Stack, schedule_id: str) -> AgentRunResult:
    """Wait for the run that the schedule has started, and for its result."""
    while True:
        async for run in stack.client.list_workflows(f"TemporalScheduledById = '{schedule_id}'"):
            handle = stack.client.get_workflow_handle(run.id, result_type=AgentRunResult)
            return await handle.result()
        await asyncio.sleep(0.1)


async def test_temporal_schedule_list_and_describe_show_the_declaration(stack: Stack) -> None:
    """Ids, workflow type, argument, calendar text and policy read as declared."""
    name = stack.name("report")
    schedule = {**DAILY, "overlap": "queue_one", "catchup": {"policy": "all", "window": "2h"}}
    fleet = fleet_of(stack, declared(name, schedule=schedule, team="finance"))
    async with stack.worker():
        await apply_of(stack, fleet)
    query = f"RotaAgent = '{name}' AND RotaTeam = 'finance'"
    listed = json.loads(await _temporal(stack, "schedule", "list", "-q", query, "-o", "json"))
    assert [item["scheduleId"] for item in listed] == [name]
    shown = json.loads(await _temporal(stack, "schedule", "describe", "-s", name, "-o", "json"))
    spec = shown["schedule"]["spec"]
    assert spec["timezoneName"] == "Europe/Berlin"
    assert [calendar["comment"] for calendar in spec["structuredCalendar"]] == ["0 6 * * *"]
    policies = shown["schedule"]["policies"]
    assert policies["overlapPolicy"] == "SCHEDULE_OVERLAP_POLICY_BUFFER_ONE"
    assert policies["catchupWindow"] == "7200s"
    action = shown["schedule"]["action"]["startWorkflow"]
    assert action["workflowType"] == {"name": "AgentRun"}
    assert action["workflowId"] == name
    assert "rota_schedule" in action["memo"]["fields"]


async def test_temporal_schedule_trigger_starts_a_run_under_the_schedules_id(
    stack: Stack,
) -> None:
    """A trigger from outside runs the agent as its keeper knows it, and it succeeds."""
    name = stack.name("report")
    fleet = fleet_of(stack, declared(name, schedule=DAILY))
    async with stack.worker():
        await apply_of(stack, fleet)
        before = datetime.now(UTC).replace(microsecond=0)
        await _temporal(stack, "schedule", "trigger", "-s", name)
        result = await _scheduled_run(stack, name)
    assert (result.status, result.trigger) == (RunStatus.SUCCEEDED, Trigger.SCHEDULE)
    assert result.slot is not None
    assert result.slot >= before
    assert result.run_id.startswith(f"{name}-20")


async def test_temporal_schedule_toggle_is_drift_until_toggled_back(stack: Stack) -> None:
    """Pausing with Temporal's own command is seen, with its reason."""
    name = stack.name("report")
    fleet = fleet_of(stack, declared(name, schedule=DAILY))
    async with stack.worker():
        await apply_of(stack, fleet)
        toggle = ("schedule", "toggle", "-s", name)
        await _temporal(stack, *toggle, "--pause", "--reason", "audit week")
        (drift,) = await drift_of(stack, fleet)
        await _temporal(stack, *toggle, "--unpause", "--reason", "audit over")
        assert await drift_of(stack, fleet) == []
    assert (drift.agent, drift.field, drift.live) == (name, "schedule.paused", True)
    assert drift.detail == "paused by hand: audit week"
