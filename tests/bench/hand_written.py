"""The yardstick: an agent loop as one writes it by hand on Temporal, and nothing more.

One workflow, two activities; for pipelines a second workflow that starts the first as
children. The transcript lies outside history in the same object store, by digest, as
Rota's does. There is no admission, no session, no memory, no record of paid calls, no
heartbeat, no search attribute, no limit and no check of the answer: what Rota adds is
what the comparison is about. It is written well: payloads are
small, and its modules are passed through the sandbox, or each run would import them anew.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from activities.stores.base import ObjectStore
from tests.bench.workload import TOOL, Plan, look_up_now, note

HAND_QUEUE = "hand-written"
PATIENCE = timedelta(minutes=5)


@dataclass
class TurnTask:
    """Take a turn after the transcript `head`, with these results."""

    plan: Plan
    turn: int
    head: str | None
    results: list[str]


@dataclass
class TurnDone:
    """The new head, and how many calls the model wants."""

    head: str
    calls: int


@dataclass
class CallTask:
    """Execute one call."""

    plan: Plan
    turn: int
    index: int


class HandWrittenActivities:
    """The two activities, bound to a store."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    @activity.defn(name="hand_invoke_model")
    async def invoke_model(self, task: TurnTask) -> TurnDone:
        """Load the conversation, ask the model, store the conversation."""
        messages: list[dict[str, Any]] = []
        if task.head is not None:
            messages = json.loads(await self._store.get(task.head))
        content = [(await self._store.get(digest)).decode() for digest in task.results]
        messages.append({"role": "user", "content": content or ["Look things up, then answer."]})
        if task.plan.seconds:
            await asyncio.sleep(task.plan.seconds)
        note(task.plan, f"turn {task.turn}")
        calls = task.plan.calls_in(task.turn)
        asked = [{"name": TOOL, "turn": task.turn, "index": index} for index in range(calls)]
        messages.append({"role": "assistant", "content": asked or "done"})
        return TurnDone(await self._store.put(json.dumps(messages).encode()), calls)

    @activity.defn(name="hand_run_tool")
    async def run_tool(self, task: CallTask) -> str:
        """Execute the tool and store its result."""
        result = await look_up_now(task.plan, task.turn, task.index)
        return await self._store.put(result.encode())


@workflow.defn(name="HandWritten")
class HandWrittenWorkflow:
    """Turns and tool calls until the model calls no more."""

    @workflow.run
    async def run(self, plan: Plan) -> str:
        """Return the digest of the conversation."""
        head: str | None = None
        results: list[str] = []
        turn = 0
        while True:
            turn += 1
            done = await workflow.execute_activity_method(
                HandWrittenActivities.invoke_model,
                TurnTask(plan, turn, head, results),
                start_to_close_timeout=PATIENCE,
            )
            head = done.head
            if not done.calls:
                return head
            calls = [
                workflow.execute_activity_method(
                    HandWrittenActivities.run_tool,
                    CallTask(plan, turn, index),
                    start_to_close_timeout=PATIENCE,
                )
                for index in range(done.calls)
            ]
            results = list(await asyncio.gather(*calls))


@workflow.defn(name="HandWrittenStages")
class HandWrittenStagesWorkflow:
    """Hand-written runs as child workflows, stage by stage: a pipeline of one's own."""

    @workflow.run
    async def run(self, plan: Plan, stages: list[int]) -> list[str]:
        """Start `stages[n]` children at once when all of stage n - 1 have ended."""
        heads: list[str] = []
        for stage, width in enumerate(stages):
            children = [
                workflow.execute_child_workflow(
                    HandWrittenWorkflow.run,
                    plan,
                    id=f"{workflow.info().workflow_id}/{stage}.{number}",
                )
                for number in range(width)
            ]
            heads += await asyncio.gather(*children)
        return heads


@asynccontextmanager
async def serving_by_hand(client: Client, store: ObjectStore) -> AsyncIterator[None]:
    """Serve hand-written runs while the block lasts."""
    acts = HandWrittenActivities(store)
    restrictions = SandboxRestrictions.default.with_passthrough_modules("tests", "activities")
    async with Worker(
        client,
        task_queue=HAND_QUEUE,
        workflows=[HandWrittenWorkflow, HandWrittenStagesWorkflow],
        activities=[acts.invoke_model, acts.run_tool],
        workflow_runner=SandboxedWorkflowRunner(restrictions=restrictions),
    ):
        yield
