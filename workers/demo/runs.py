"""Read runs for the demo's table, from visibility and from the runs themselves."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from temporalio.api.enums.v1 import EventType, PendingActivityState
from temporalio.client import Client, WorkflowExecution, WorkflowExecutionStatus
from temporalio.service import RPCError

from rota.runs import AgentRunResult
from rota.visibility import RESULT_MEMO
from workflows.run_kit.visibility import SCHEDULED_AT


@dataclass(frozen=True)
class RunRow:
    """One run, as the table shows it."""

    id: str
    slot: datetime | None
    result: AgentRunResult | None
    """None while it runs."""
    doing: str = ""


@dataclass(frozen=True)
class ActiveStep:
    """A step that a worker is executing right now."""

    name: str
    worker_pid: int


async def list_runs(client: Client, agent: str) -> list[RunRow]:
    """All runs of `agent`, oldest first."""
    query = f"WorkflowType = 'AgentRun' AND RotaAgent = '{agent}'"
    rows = [await _row(client, run) async for run in client.list_workflows(query)]
    return sorted(rows, key=lambda row: row.id)


async def active_step(client: Client, run_id: str) -> ActiveStep | None:
    """The step in flight and the process that executes it, or None between steps."""
    described = await client.get_workflow_handle(run_id).describe()
    for pending in described.raw_description.pending_activities:
        if pending.state == PendingActivityState.PENDING_ACTIVITY_STATE_STARTED:
            pid = pending.last_worker_identity.partition("@")[0]
            return ActiveStep(name=pending.activity_type.name, worker_pid=int(pid))
    return None


@dataclass(frozen=True)
class Recovery:
    """What a finished run's history says of the worker it lost."""

    steps: int
    repeated: tuple[datetime, ...]
    """When each step that was taken more than once was started for the last time."""


async def recovery_of(client: Client, run_id: str) -> Recovery:
    """Read it off the recorded events."""
    history = await client.get_workflow_handle(run_id).fetch_history()
    started = [
        event
        for event in history.events
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED
    ]
    repeated = tuple(
        event.event_time.ToDatetime(tzinfo=UTC)
        for event in started
        if event.activity_task_started_event_attributes.attempt > 1
    )
    return Recovery(steps=len(started), repeated=repeated)


async def _row(client: Client, run: WorkflowExecution) -> RunRow:
    slot = run.typed_search_attributes.get(SCHEDULED_AT)
    if run.status is WorkflowExecutionStatus.RUNNING:
        return RunRow(run.id, slot, None, await _doing(client, run.id))
    memo = await run.memo()
    if RESULT_MEMO not in memo:
        return RunRow(run.id, slot, None, "settling")
    return RunRow(run.id, slot, AgentRunResult.model_validate(memo[RESULT_MEMO]))


async def _doing(client: Client, run_id: str) -> str:
    try:
        status: dict[str, Any] = await client.get_workflow_handle(run_id).query("status")
    except RPCError:
        # Between two workers nobody answers; that is what the viewer should see.
        return "no worker answers"
    tools = ", ".join(status["waiting_for"])
    turn = status["turn"] + (0 if tools else 1)
    return f"turn {turn} · {tools or 'thinking'}"
