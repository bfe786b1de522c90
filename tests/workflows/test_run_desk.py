"""A run whose dealings with keeper or store go wrong still ends, and harms no other."""

import asyncio
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowExecutionStatus

from activities.desks.runs import RunDeskActivities
from activities.thinking import ThinkingActivities
from rota.conversation import StopReason
from rota.keepers.admission import Admitted
from rota.model import canonical_json
from rota.runs import RunStatus
from rota.steps import AdmitInput, TurnInput
from tests.stack import Stack, script
from tests.workflows.claude import ending_of


async def test_declaration_of_another_version_blocks_the_run_and_says_so(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker rolled back meets a key it does not know: blocked, not stuck."""
    name = stack.name("later")

    async def unreadable(digest: str) -> bytes:
        return canonical_json({"kind": "Agent", "name": name, "a_later_key": 1})

    async with stack.worker():
        await stack.declare(name, runtime=script({"result": "done"}))
        monkeypatch.setattr(stack.store, "get", unreadable)
        run = await stack.start(name, f"{name}-1")
        ending = await ending_of(run)
        state = await stack.keeper(name)
    assert ending.result.status is RunStatus.BLOCKED
    assert "another version of Rota" in ending.result.reason
    assert state.sessions == {}


async def test_runs_that_cannot_be_admitted_leave_room_for_others(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More stuck runs than a worker has slots do not keep a healthy one from its end."""
    healthy, stuck = stack.name("healthy"), stack.name("stuck")
    admit = RunDeskActivities.admit_run

    async def fails_for_some(self: RunDeskActivities, input: AdmitInput) -> Admitted:
        if input.agent == stuck:
            raise ConnectionError("the keeper does not answer")
        return await admit(self, input)

    monkeypatch.setattr(RunDeskActivities, "admit_run", _named_like(admit, fails_for_some))
    async with stack.worker():
        await stack.declare(healthy, runtime=script({"result": "done"}))
        starting = (stack.start(stuck, f"{stuck}-{number}") for number in range(120))
        runs = await asyncio.gather(*starting)
        async with asyncio.timeout(45):
            result = await stack.run(healthy, f"{healthy}-1")
        await asyncio.gather(*(run.terminate() for run in runs))
    assert result.output == "done"


async def test_step_result_of_a_newer_worker_waits_for_one_that_can_read_it(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A word this worker does not know neither fails the run nor loses its step."""
    name = stack.name("skewed")
    taken = ThinkingActivities.invoke_model

    async def from_the_future(self: ThinkingActivities, input: TurnInput) -> Any:
        outcome = (await taken(self, input)).model_dump(mode="json")
        return {**outcome, "stop": "a_later_reason"}

    async with stack.worker():
        await stack.declare(name, runtime=script({"result": "done"}))
    with monkeypatch.context() as newer:
        newer.setattr(ThinkingActivities, "invoke_model", _named_like(taken, from_the_future))
        async with stack.worker():
            run = await stack.start(name, f"{name}-1")
            async with asyncio.timeout(20):
                async for event in run.fetch_history_events(wait_new_event=True):
                    if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED:
                        break
            assert (await run.describe()).status is WorkflowExecutionStatus.RUNNING
    monkeypatch.setattr(StopReason, "_missing_", lambda _value: StopReason.END_TURN)
    async with stack.worker():
        async with asyncio.timeout(30):
            result = await run.result()
    assert (result.status, result.turns) == (RunStatus.SUCCEEDED, 1)


def _named_like(original: Any, replacement: Any) -> Any:
    """Make an activity of `replacement` that goes by the name of `original`."""
    marks = {key: value for key, value in vars(original).items() if key.startswith("__temporal")}
    vars(replacement).update(marks)
    return replacement
