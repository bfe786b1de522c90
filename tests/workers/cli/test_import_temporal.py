"""`rota import temporal-schedules` against a real server."""

import asyncio
import json
import subprocess
from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from temporalio import workflow
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleIntervalSpec,
    ScheduleSpec,
    ScheduleState,
)
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.runtimes.command_launch import launch
from rota.runtime_specs.command import CommandSettings
from rota.visibility import SCHEDULE_MEMO
from schedules.fleet import load_fleet
from tests.activities.runtimes.session_requests import session_request
from tests.stack import Stack
from tests.workers.cli.command_line import rota
from workers.cli.exit_codes import ExitCode


@workflow.defn(name="SomebodysExport")
class Export:
    """Not one of ours."""

    @workflow.run
    async def run(self, wanted: dict[str, Any]) -> dict[str, Any]:
        return {"exported": wanted["table"]}


@pytest.fixture
async def schedule(stack: Stack) -> AsyncGenerator[str]:
    """A schedule of somebody's workflow that never fires by itself."""
    client = await Client.connect(stack.address)
    id = f"Export {uuid4().hex[:8]}"
    handle = await client.create_schedule(
        id,
        Schedule(
            action=ScheduleActionStartWorkflow(
                "SomebodysExport", {"table": "{all}"}, id="export", task_queue=id
            ),
            spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=timedelta(hours=1))]),
            state=ScheduleState(paused=True),
        ),
    )
    yield id
    await handle.delete()


async def test_imported_schedule_runs_the_same_workflow_once(
    stack: Stack, schedule: str, tmp_path: Path
) -> None:
    """Its result is the run's; a second attempt of the run finds the workflow that there is."""
    where = ("--fleet", str(tmp_path), "--address", stack.address)
    ended = await rota("import", "temporal-schedules", schedule, *where)
    assert ended.code == ExitCode.OK, ended.err
    name = schedule.lower().replace(" ", "-")
    block = load_fleet(tmp_path).agents[name].spec.runtime.settings
    wanted = session_request(block, fleet=tmp_path)
    started = launch(
        CommandSettings.model_validate(block), wanted, tmp_path, lambda reference: reference
    )
    client = await Client.connect(stack.address)
    runner = UnsandboxedWorkflowRunner()
    async with Worker(client, task_queue=schedule, workflows=[Export], workflow_runner=runner):
        for _ in range(2):
            output = await asyncio.to_thread(
                subprocess.run, started.command, env=started.env, capture_output=True, check=True
            )
            assert json.loads(output.stdout)["result"] == {"exported": "{all}"}
    runs = [run async for run in client.list_workflows(f"WorkflowId = 'export/{wanted.run_id}'")]
    assert len(runs) == 1


async def test_schedule_of_a_fleet_is_not_imported(stack: Stack, tmp_path: Path) -> None:
    """It is declared already; one that does not exist is told, too."""
    where = ("--fleet", str(tmp_path), "--address", stack.address)
    ended = await rota("import", "temporal-schedules", "no-such", *where)
    assert ended.code == ExitCode.NOT_FOUND
    name = stack.name("own")
    await stack.client.create_schedule(
        name,
        Schedule(
            action=ScheduleActionStartWorkflow("AgentRun", id=name, task_queue=name),
            spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=timedelta(hours=1))]),
            state=ScheduleState(paused=True),
        ),
        memo={SCHEDULE_MEMO: {"fleet": "mine"}},
    )
    ended = await rota("import", "temporal-schedules", name, *where)
    assert ended.code == ExitCode.WRONG
    assert "Rota's own" in ended.err
