"""Approvals that take days: what follows from no decision, on the server's time skipping.

A run skips to its next timer unless a step is under way, so a call that waits at a gate holds
the clock where it is.
"""

import asyncio
from datetime import datetime, time, timedelta
from typing import Any

import pytest
from temporalio.client import WorkflowHandle

from rota.failures import FailureCategory
from rota.ids import handoff_run_id
from rota.runs import AgentRunResult, RunStatus
from rota.tools import ToolDefinition, tool
from tests.approving import decide, open_approvals, refused
from tests.skipping import BERLIN
from tests.stack import Stack, script
from tests.workflows.claude import ending_of
from tests.workflows.gates import Gate

SLACK = timedelta(seconds=10)


@tool(name="ledger.post", effect="write")
def post() -> str:
    """Post."""
    return "posted"


@tool(name="ledger.read", effect="read")
def read() -> str:
    """Read."""
    return "read"


TOOLS: list[ToolDefinition] = [post, read]


async def started(
    stack: Stack, approvals: dict[str, Any], **declaration: Any
) -> WorkflowHandle[Any, AgentRunResult]:
    """A run that calls each tool that `approvals` names, in that order, all in one turn."""
    name = stack.name("poster")
    turns = script({"calls": [{"tool": tool} for tool in approvals]}, {"result": "{results}"})
    tools = list(approvals)
    await stack.declare(name, runtime=turns, tools=tools, approvals=approvals, **declaration)
    return await stack.start(name, f"{name}-1")


@pytest.mark.parametrize(
    ("called", "otherwise", "verdict"),
    [
        ("ledger.post", "deny", "deny"),
        ("ledger.post", "approve_if_read_only", "deny"),
        ("ledger.read", "approve_if_read_only", "approve"),
    ],
)
async def test_call_that_nobody_decides_on_ends_as_declared(
    skipping_stack: Stack, called: str, otherwise: str, verdict: str
) -> None:
    """After four hours the run goes on, with or without the call, and nobody's name on it."""
    stack = skipping_stack
    async with stack.worker(TOOLS):
        handle = await started(stack, {called: {"timeout": "4h", "otherwise": otherwise}})
        result = await handle.result()
        described = await handle.describe()
    [ruling] = result.approvals
    assert (ruling.verdict, ruling.by) == (verdict, "")
    assert ruling.note == "nobody decided within 4h"
    assert result.status is RunStatus.SUCCEEDED
    assert described.close_time is not None
    assert described.close_time - described.start_time >= timedelta(hours=4)


async def test_decision_after_the_timeout_is_refused(skipping_stack: Stack) -> None:
    """It is told what followed, and nothing of that changes."""
    stack, gate = skipping_stack, Gate()
    rules: dict[str, Any] = {
        "ledger.post": {"timeout": "1h"},
        "gate.pass": {"timeout": "2h", "otherwise": "approve_if_read_only"},
    }
    async with stack.worker([*TOOLS, gate.tool]):
        handle = await started(stack, rules)
        await asyncio.wait_for(gate.reached.wait(), 20)
        late = await refused(handle, {"id": "a1", "request": {"digest": "0" * 64}})
        gate.opened.set()
        result = await handle.result()
    assert late == "too late: a1 is denied: nobody decided within 1h"
    assert [ruling.verdict for ruling in result.approvals] == ["deny", "approve"]


async def test_parked_call_is_made_when_somebody_approves_days_later(skipping_stack: Stack) -> None:
    """Parked after half a day, approved after three: the run has kept its place and its time."""
    stack, gate = skipping_stack, Gate()
    rules: dict[str, Any] = {
        "ledger.post": {"timeout": "12h", "otherwise": "park"},
        "gate.pass": {"timeout": "3d", "otherwise": "approve_if_read_only"},
    }
    async with stack.worker([*TOOLS, gate.tool]):
        handle = await started(stack, rules, budget={"park_for": "10d", "wall_clock": "5m"})
        await asyncio.wait_for(gate.reached.wait(), 20)
        status = await handle.query("status")
        [pending] = status["approvals"]
        await decide(handle, pending)
        gate.opened.set()
        result = await handle.result()
        described = await handle.describe()
    assert status["status"] == RunStatus.PARKED
    assert pending["parked_until"] > pending["until"]
    assert result.status is RunStatus.SUCCEEDED
    assert result.approvals[-1].by == "kim"
    assert described.close_time is not None
    assert described.close_time - described.start_time >= timedelta(days=3)


async def test_parked_call_that_nobody_ever_decides_on_fails_the_run(skipping_stack: Stack) -> None:
    """After the timeout and what the budget says of parking."""
    stack = skipping_stack
    rules = {"ledger.post": {"timeout": "1h", "otherwise": "park"}}
    async with stack.worker(TOOLS):
        handle = await started(stack, rules, budget={"park_for": "3d"})
        ending = await ending_of(handle)
        described = await handle.describe()
    assert (ending.result.status, ending.result.category) == (
        RunStatus.FAILED,
        FailureCategory.LIMIT_REACHED,
    )
    assert ending.result.reason == (
        "nobody approved ledger.post within 1h, and another 3d parked "
        "(budget.park_for) (approvals.ledger.post)"
    )
    assert described.close_time is not None
    waited = described.close_time - described.start_time
    assert timedelta(days=3, hours=1) <= waited < timedelta(days=3, hours=1) + SLACK


async def test_timeout_counts_business_hours_in_the_zone_of_the_schedule(
    skipping_stack: Stack,
) -> None:
    """Half an hour of an office that opens on Mondays from nine to ten in Berlin."""
    stack = skipping_stack
    hours = {"days": ["mon"], "from": "09:00", "to": "10:00"}
    rules = {"ledger.post": {"timeout": "30m", "hours": hours}}
    schedule = {"cron": "0 6 * * *", "timezone": "Europe/Berlin"}
    async with stack.worker(TOOLS):
        handle = await started(stack, rules, schedule=schedule)
        result = await handle.result()
    over = result.approvals[0].at.astimezone(BERLIN)
    assert over.weekday() == 0
    assert time(9) < over.time() <= time(10)
    assert result.approvals[0].note == "nobody decided within 30m of business hours"


async def test_escalation_comes_due_while_the_call_still_waits(skipping_stack: Stack) -> None:
    """It is marked once its time has come, and the call waits on."""
    stack, gate = skipping_stack, Gate()
    rules: dict[str, Any] = {
        "ledger.post": {"timeout": "4h", "escalate": {"after": "1h"}},
        "gate.pass": {"timeout": "2h", "otherwise": "approve_if_read_only"},
    }
    async with stack.worker([*TOOLS, gate.tool]):
        handle = await started(stack, rules)
        await asyncio.wait_for(gate.reached.wait(), 20)
        [pending] = await open_approvals(handle)
        await decide(handle, pending, "deny")
        gate.opened.set()
        await handle.result()
    since, due = (datetime.fromisoformat(pending[key]) for key in ("since", "escalates"))
    assert due - since == timedelta(hours=1)
    assert pending["escalated"] is True


async def test_called_run_waits_no_longer_than_its_caller(skipping_stack: Stack) -> None:
    """Its caller has ten minutes; nobody there knows of the wait."""
    stack = skipping_stack
    caller, called = stack.name("caller"), stack.name("called")
    async with stack.worker(TOOLS):
        await stack.declare(
            called,
            runtime=script({"calls": [{"tool": "ledger.post"}]}, {"result": "done"}),
            tools=["ledger.post"],
            approvals={"ledger.post": {"timeout": "4h", "otherwise": "park"}},
        )
        await stack.declare(
            caller,
            runtime=script({"calls": [{"tool": f"agents.{called}"}]}, {"result": "done"}),
            tools=[f"agents.{called}"],
            budget={"wall_clock": "10m"},
        )
        await stack.run(caller, f"{caller}-1")
        child = stack.client.get_workflow_handle(handoff_run_id(f"{caller}-1", called, 1, 0))
        ending = await ending_of(child)
        described = await child.describe()
    [ruling] = ending.result.approvals
    assert ruling.note == "nobody decided before whoever waits for it had to go on"
    assert ending.result.status is RunStatus.TIMED_OUT
    assert described.close_time is not None
    assert described.close_time - described.start_time < timedelta(minutes=11)
