"""The handoff desk's answers are given once: repeated, they name the same run and result."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from temporalio.testing import ActivityEnvironment

from activities.documents import (
    get_context,
    get_node,
    get_spec,
    get_transcript,
    put_record,
    put_spec,
)
from activities.handoffs import HandoffDeskActivities
from activities.toolbox import Toolbox
from rota.agent_spec import AgentSpec
from rota.coordination.handoff_steps import CloseHandoffInput, OpenedHandoff, OpenHandoffInput
from rota.failures import FailureCategory
from rota.ids import keeper_id
from rota.keepers.admission import RunRef
from rota.pinned_spec import PinnedSpec
from rota.runs import AgentRunResult, RunStatus, Trigger
from rota.turns.calls import ResultRef
from tests.stack import Stack
from tests.workflows.handing import ANY_OBJECT, asks, declare_caller


@dataclass
class Desk:
    """The activities, called as for the first turn of one run."""

    stack: Stack
    activities: HandoffDeskActivities
    called: str
    context: str
    head: str
    key: str = "run"

    def _fields(self) -> dict[str, object]:
        run = RunRef(id="caller-1", key=self.key)
        return {"agent": "caller", "run": run, "context": self.context, "head": self.head}

    async def open(self, index: int = 0) -> OpenedHandoff:
        """Open the call."""
        input = OpenHandoffInput.model_validate({**self._fields(), "index": index, "turn": 1})
        return await ActivityEnvironment().run(self.activities.open_handoff, input)

    async def close(
        self, result: AgentRunResult | None = None, failure: str = ""
    ) -> tuple[ResultRef, str]:
        """Close the call; gives the result and what the model reads of it."""
        input = CloseHandoffInput.model_validate(
            {
                **self._fields(),
                "index": 0,
                "agent_called": self.called,
                "child_id": "child",
                "result": result,
                "failure": failure,
            }
        )
        closed = await ActivityEnvironment().run(self.activities.close_handoff, input)
        return closed, (await self.stack.store.get(closed.digest)).decode()


@pytest.fixture
async def desk(stack: Stack) -> AsyncIterator[Desk]:
    """A desk for the transcript of a run that called an agent with `x: 3`."""
    caller, called = stack.name("caller"), stack.name("called")
    async with stack.worker():
        runtime = {"kind": "scripted", "turns": [{"result": {"got": "{input.x}"}}]}
        await stack.declare(called, runtime=runtime, output=ANY_OBJECT)
        await declare_caller(stack, caller, called, call=asks(called, x=3))
        result = await stack.run(caller, f"{caller}-1")
        first = (await get_transcript(stack.store, result.transcript))[0]
        activities = HandoffDeskActivities(stack.client, stack.store, Toolbox(Path(), {}))
        yield Desk(stack, activities, called, first.context, first.digest)


def ended(status: RunStatus, **fields: object) -> AgentRunResult:
    """How the called run closed."""
    return AgentRunResult.model_validate(
        {"agent": "b", "run_id": "b-1", "status": status, "trigger": Trigger.HANDOFF, **fields}
    )


async def test_open_handoff_repeated_names_the_same_run_whatever_was_declared_since(
    desk: Desk,
) -> None:
    """A worker that was killed in between asks for no other run, nor for none."""
    first = await desk.open()
    keeper = desk.stack.client.get_workflow_handle(keeper_id(desk.called))
    await keeper.execute_update("retire")
    again = await desk.open()
    desk.key = "another run"
    later = await desk.open()
    assert first.child is not None
    assert (first.child.agent, first.child.input) == (desk.called, {"x": 3})
    assert again == first
    assert later.child is None
    assert later.answered is not None
    assert later.answered.is_error


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        ({"tools": []}, "there is no agent to call by 'agents."),
        ({"limits": {"tools": {"agents.*": {"per_run": 1}}}}, "a run may make 1 call of agents.*"),
    ],
)
async def test_open_handoff_of_a_call_that_the_agent_may_not_make_starts_nothing(
    desk: Desk, declared: dict[str, Any], words: str
) -> None:
    """Allow-list and limits hold here too, whatever the run makes of the call: the second."""
    store = desk.stack.store
    context, node = await get_context(store, desk.context), await get_node(store, desk.head)
    spec = await get_spec(store, context.spec.digest)
    changed = AgentSpec.model_validate(spec.document | declared)
    await put_spec(store, changed)
    pinned = context.model_copy(update={"spec": PinnedSpec.of(changed)})
    [call] = node.reply.tool_calls
    twice = node.reply.model_copy(update={"content": (call, call)})
    desk.context = await put_record(store, pinned)
    desk.head = await store.put(node.model_copy(update={"reply": twice}).encode())
    opened = await desk.open(index=1)
    assert opened.child is None
    assert opened.answered is not None
    assert opened.answered.is_error
    assert words in (await store.get(opened.answered.digest)).decode()


async def test_open_handoff_of_a_call_that_was_closed_starts_nothing(desk: Desk) -> None:
    """A run that was reset behind its call finds the result it had."""
    closed, _ = await desk.close(failure="agents.b was terminated")
    opened = await desk.open()
    assert (opened.answered, opened.child) == (closed, None)


async def test_close_handoff_repeated_keeps_the_first_result(desk: Desk) -> None:
    """What the model may have read already does not change."""
    output = await desk.stack.store.put(b'{"total":1}')
    first = await desk.close(ended(RunStatus.SUCCEEDED, output_digest=output))
    again = await desk.close(failure="agents.b was terminated")
    assert again == first
    assert json.loads(first[1]) == {"total": 1}
    assert not first[0].is_error


async def test_close_handoff_of_a_text_gives_the_text(desk: Desk) -> None:
    """A result without a schema reads as it was written, not as a JSON string."""
    output = await desk.stack.store.put('"Größe: 3\\n"'.encode())
    _, told = await desk.close(ended(RunStatus.SUCCEEDED, output_digest=output))
    assert told == "Größe: 3\n"


@pytest.mark.parametrize("status", [s for s in RunStatus if s is not RunStatus.SUCCEEDED])
async def test_close_handoff_of_any_other_end_is_an_error(desk: Desk, status: RunStatus) -> None:
    """Nothing but a result is success."""
    end = ended(status, reason="why", category=FailureCategory.BUG)
    closed, told = await desk.close(end)
    assert closed.is_error
    assert told.endswith(" (bug): why")
