"""`PipelineRun`, and what else runs are told of their origin, from outside and wrong."""

import asyncio
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError

from tests.pipelines import INSTANT, declare_pipeline
from tests.stack import Stack
from tests.workflows.claude import events_of, kinds_of

LOCAL = {"root": "r", "parent": "p", "deadline": "2026-01-01T00:00:00"}
RUNNING = {"a": {"status": "running"}}
RUNNING_ITEM = {"a": {"status": "failed", "items": [{"status": "waiting"}]}}
NO_DIGEST = {"a": {"status": "succeeded", "output_digest": "../../etc/passwd"}}

WRONG: dict[str, tuple[str, dict[str, Any], str]] = {
    "an agent's key": ("PipelineRun", {"agent": "x"}, "input of PipelineRun: pipeline: Field"),
    "a pipeline's key": ("AgentRun", {"pipeline": "x"}, "input of AgentRun: agent: Field required"),
    "kept without an end": ("PipelineRun", {"kept": RUNNING}, "running has not ended"),
    "kept item without an end": ("PipelineRun", {"kept": RUNNING_ITEM}, "waiting has not ended"),
    "kept without a digest": ("PipelineRun", {"kept": NO_DIGEST}, "not a digest"),
    "local deadline": ("PipelineRun", {"lineage": LOCAL}, "lineage.deadline: Input should have"),
    "local deadline of a run": ("AgentRun", {"lineage": LOCAL}, "lineage.deadline: Input should"),
    "not declared": ("PipelineRun", {"pipeline": "never-declared"}, "run 'rota apply'"),
}


async def test_wrong_input_of_a_pipeline_fails_cleanly_with_words(stack: Stack) -> None:
    """Each mistake closes the run as failed, names itself, and fails no workflow task."""

    async def problem(case: str) -> str:
        kind, given, words = WRONG[case]
        name = {"AgentRun": "agent", "PipelineRun": "pipeline"}[kind]
        named = {"agent", "pipeline"} & given.keys()
        handle = await stack.client.start_workflow(
            kind,
            given if named else {name: stack.name(name), **given},
            id=f"{stack.task_queue}-{case.replace(' ', '-')}",
            task_queue=stack.task_queue,
        )
        async with asyncio.timeout(20):
            with pytest.raises(WorkflowFailureError) as caught:
                await handle.result()
        if "WORKFLOW_TASK_FAILED" in kinds_of(await events_of(handle)):
            return f"{case}: a workflow task failed"
        cause = caught.value.cause
        text = cause.message if isinstance(cause, ApplicationError) else repr(cause)
        return "" if words in text else f"{case}: says {text}"

    async with stack.worker():
        await stack.declare(stack.name("agent"), **INSTANT)
        nodes = {
            "a": {"agent": stack.name("agent")},
            "b": {"agent": stack.name("agent"), "after": ["a"], "input": {"v": "{a.output}"}},
        }
        await declare_pipeline(stack, stack.name("pipeline"), nodes=nodes)
        problems = await asyncio.gather(*map(problem, WRONG))
    assert [line for line in problems if line] == []
