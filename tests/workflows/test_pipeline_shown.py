"""What a pipeline at work shows of itself, on the real server."""

import asyncio

from rota.runs import RunStatus
from tests.pipelines import INSTANT, declare_pipeline, result_of, start_pipeline
from tests.stack import Stack
from tests.workflows.gates import GATED, Gate, poll


async def test_pipeline_at_work_shows_its_nodes(stack: Stack) -> None:
    """What waits, for what, and what runs: without a word in the history."""
    gate = Gate()
    async with stack.worker([gate.tool]):
        name = stack.name("shown")
        await stack.declare(stack.name("gated"), **GATED)
        nodes = {
            "a": {"agent": stack.name("gated")},
            "b": {"agent": stack.name("gated"), "after": ["a"]},
        }
        await declare_pipeline(stack, name, nodes=nodes)
        handle = await start_pipeline(stack, name, f"{name}-1")
        await gate.reached.wait()
        metadata = await handle.query("__temporal_workflow_metadata")
        gate.opened.set()
        await asyncio.wait_for(handle.result(), 30)
    details = metadata["currentDetails"] if isinstance(metadata, dict) else str(metadata)
    assert "| a | running |  |" in details
    assert "| b | waiting | after a |" in details


async def test_pipeline_with_nothing_at_work_waits_and_goes_on(stack: Stack) -> None:
    """Until a gate opens it stands as waiting; it is found by that, and goes on by itself."""
    async with stack.worker():
        name = stack.name("gate")
        await stack.declare(stack.name("echo"), **INSTANT)
        nodes = {
            "a": {"agent": stack.name("echo")},
            "b": {"agent": stack.name("echo"), "after": ["a"], "not_before": "2s"},
        }
        await declare_pipeline(stack, name, nodes=nodes)
        handle = await start_pipeline(stack, name, f"{name}-1")

        async def waiting() -> str | None:
            attributes = (await handle.describe()).typed_search_attributes
            found = {pair.key.name: pair.value for pair in attributes}
            return "waiting" if found.get("RotaStatus") == "waiting" else None

        await poll(waiting)
        result = await result_of(handle)
        started = await stack.client.get_workflow_handle(f"{name}-1/b").describe()
        begun = await handle.describe()
    assert result.status is RunStatus.SUCCEEDED
    assert (started.start_time - begun.start_time).total_seconds() >= 2
