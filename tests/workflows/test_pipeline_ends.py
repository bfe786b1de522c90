"""Pipelines that end early, on the real server: deadlines, cancellation, lost runs."""

from typing import Any

import pytest
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import CancelledError

from rota.failures import FailureCategory
from rota.pipelines.run import PipelineResult
from rota.runs import RunStatus
from rota.visibility import PIPELINE_MEMO
from tests.pipelines import INSTANT, declare_pipeline, result_of, run_pipeline, start_pipeline
from tests.stack import Stack, script
from tests.workflows.gates import GATED, Gate, poll

SLOW: dict[str, Any] = {
    "runtime": script({"result": "late", "seconds": 60}),
    "session": {"concurrency": "parallel"},
}


async def status_of(handle: WorkflowHandle[Any, PipelineResult]) -> PipelineResult:
    """What the run says of itself now."""
    return await handle.query("status", result_type=PipelineResult)


async def standing_at(
    handle: WorkflowHandle[Any, PipelineResult], node: str, status: RunStatus
) -> PipelineResult:
    """Wait until a node stands like this."""

    async def ask() -> PipelineResult | None:
        result = await status_of(handle)
        return result if node in result.nodes and result.nodes[node].status is status else None

    return await poll(ask)


async def test_pipeline_deadline_of_a_node_ends_its_run_and_waits_for_it(stack: Stack) -> None:
    """The node is timed out, its run has ended before the pipeline goes on, others go on."""
    async with stack.worker():
        name = stack.name("late")
        await stack.declare(stack.name("slow"), **SLOW)
        await stack.declare(stack.name("echo"), **INSTANT)
        nodes = {
            "slow": {"agent": stack.name("slow"), "deadline": "1500ms"},
            "next": {"agent": stack.name("echo"), "after": {"slow": "failed"}},
        }
        await declare_pipeline(stack, name, nodes=nodes)
        result = await run_pipeline(stack, name, f"{name}-1")
        child = await stack.client.get_workflow_handle(f"{name}-1/slow").describe()
        ledger = list((await stack.keeper(stack.name("slow"))).ledger.values())
    slow = result.nodes["slow"]
    assert (slow.status, slow.reason) == (
        RunStatus.TIMED_OUT,
        "not done by its deadline (1s500ms)",
    )
    assert slow.run_id == f"{name}-1/slow"
    assert result.nodes["next"].status is RunStatus.SUCCEEDED
    assert child.status in (WorkflowExecutionStatus.CANCELED, WorkflowExecutionStatus.FAILED)
    assert [entry.status.closed for entry in ledger] == [True]


async def test_pipeline_wall_clock_ends_the_whole_run(stack: Stack) -> None:
    """What works is ended, what has not begun is skipped, the run has timed out."""
    async with stack.worker():
        name = stack.name("endless")
        await stack.declare(stack.name("slow"), **SLOW)
        nodes = {
            "a": {"agent": stack.name("slow")},
            "b": {"agent": stack.name("slow"), "after": ["a"]},
        }
        await declare_pipeline(stack, name, nodes=nodes, wall_clock="1500ms")
        result = await run_pipeline(stack, name, f"{name}-1")
        entry = next(iter((await stack.keeper(name)).ledger.values()))
    assert {node: end.status.value for node, end in result.nodes.items()} == {
        "a": "timed_out",
        "b": "skipped",
    }
    assert (result.status, entry.status) == (RunStatus.TIMED_OUT, RunStatus.TIMED_OUT)


async def test_pipeline_cancelled_ends_its_runs_and_waits_for_them(stack: Stack) -> None:
    """No run outlives its pipeline; the ledger and the memo say how it ended."""
    gate = Gate()
    async with stack.worker([gate.tool]):
        name = stack.name("stopped")
        await stack.declare(stack.name("gated"), **GATED, session={"concurrency": "parallel"})
        nodes = {
            "fan": {"agent": stack.name("gated"), "for_each": [1, 2, 3], "parallel": 2},
            "after": {"agent": stack.name("gated"), "after": ["fan"]},
        }
        await declare_pipeline(stack, name, nodes=nodes)
        handle = await start_pipeline(stack, name, f"{name}-1")
        await gate.reached.wait()
        before = await standing_at(handle, "fan", RunStatus.RUNNING)
        await handle.cancel()
        gate.opened.set()
        with pytest.raises(WorkflowFailureError) as caught:
            await handle.result()
        described = await handle.describe()
        memo = PipelineResult.model_validate((await described.memo())[PIPELINE_MEMO])
        entry = next(iter((await stack.keeper(name)).ledger.values()))
        gated = (await stack.keeper(stack.name("gated"))).ledger.values()
    assert before.nodes["after"].status is RunStatus.WAITING
    assert isinstance(caught.value.cause, CancelledError)
    assert described.status is WorkflowExecutionStatus.CANCELED
    assert entry.status is RunStatus.CANCELLED
    assert memo.status is RunStatus.CANCELLED
    assert memo.nodes["fan"].status is RunStatus.CANCELLED
    assert memo.nodes["after"].reason == "not begun: cancelled by request"
    assert len(gated) == 2
    assert all(run.status is RunStatus.CANCELLED for run in gated)


async def test_pipeline_whose_node_was_cancelled_by_a_person_fails(stack: Stack) -> None:
    """Nothing is run again against that person's will."""
    async with stack.worker():
        name = stack.name("byhand")
        await stack.declare(stack.name("slow"), **SLOW)
        nodes = {
            "a": {"agent": stack.name("slow"), "attempts": 3},
            "b": {
                "agent": stack.name("slow"),
                "after": ["a"],
                "on_failure": {"rerun_upstream": 3},
            },
        }
        await declare_pipeline(stack, name, nodes=nodes)
        handle = await start_pipeline(stack, name, f"{name}-1")
        await child_started(stack, f"{name}-1/a")
        await stack.client.get_workflow_handle(f"{name}-1/a").cancel()
        result = await result_of(handle)
    assert result.status is RunStatus.FAILED
    assert result.nodes["a"].status is RunStatus.CANCELLED
    assert result.nodes["a"].attempts == 1
    assert result.nodes["b"].reason.startswith("a was cancelled")


async def test_pipeline_whose_node_was_terminated_does_not_repeat_it(stack: Stack) -> None:
    """A run that left no word may have had effects: a person looks first."""
    async with stack.worker():
        name = stack.name("lost")
        await stack.declare(
            stack.name("slow"),
            runtime=script({"result": "done", "seconds": 1.5}),
            session={"concurrency": "parallel"},
        )
        nodes = {"a": {"agent": stack.name("slow"), "attempts": 2}}
        await declare_pipeline(stack, name, nodes=nodes)
        handle = await start_pipeline(stack, name, f"{name}-1")
        await child_started(stack, f"{name}-1/a")
        await stack.client.get_workflow_handle(f"{name}-1/a").terminate()
        result = await result_of(handle)
    a = result.nodes["a"]
    assert (a.status, a.attempts) == (RunStatus.FAILED, 1)
    assert a.category is FailureCategory.OUTCOME_UNKNOWN
    assert a.reason.startswith("it was terminated; its effect is unknown, so it is not repeated: ")


async def child_started(stack: Stack, run_id: str) -> None:
    """Wait until the agent of a node's run has begun to think."""

    async def ask() -> bool | None:
        listed = [found.id async for found in stack.client.list_workflows("RotaStatus = 'running'")]
        return True if run_id in listed else None

    await poll(ask)


async def test_pipeline_of_an_unknown_agent_fails_that_node(stack: Stack) -> None:
    """The node says what is wrong; the others are not concerned."""
    async with stack.worker():
        name = stack.name("typo")
        await stack.declare(stack.name("echo"), **INSTANT)
        nodes = {"a": {"agent": "nobody"}, "b": {"agent": stack.name("echo")}}
        await declare_pipeline(stack, name, nodes=nodes)
        result = await run_pipeline(stack, name, f"{name}-1")
    assert result.nodes["a"].status is RunStatus.FAILED
    assert "nobody" in result.nodes["a"].reason
    assert result.nodes["b"].status is RunStatus.SUCCEEDED


async def test_pipeline_that_nobody_declared_fails_at_once(stack: Stack) -> None:
    """There is nothing to lay out, and no keeper to tell."""
    async with stack.worker():
        name = stack.name("gone")
        result = await run_pipeline(stack, name, f"{name}-1")
    assert (result.status, result.nodes) == (RunStatus.FAILED, {})
    assert name in result.reason


async def test_pipeline_cancelled_while_it_waits_for_its_turn_leaves_the_queue(
    stack: Stack,
) -> None:
    """The one at work goes on."""
    gate = Gate()
    async with stack.worker([gate.tool]):
        name = stack.name("queued")
        await stack.declare(stack.name("gated"), **GATED)
        nodes = {"a": {"agent": stack.name("gated")}}
        await declare_pipeline(stack, name, nodes=nodes, limits={"parallel": 1})
        first = await start_pipeline(stack, name, f"{name}-1")
        await gate.reached.wait()
        second = await start_pipeline(stack, name, f"{name}-2")

        async def queued() -> bool | None:
            return True if (await status_of(second)).status is RunStatus.QUEUED else None

        await poll(queued)
        await second.cancel()
        with pytest.raises(WorkflowFailureError) as caught:
            await second.result()
        gate.opened.set()
        result = await result_of(first)
        entries = list((await stack.keeper(name)).ledger.values())
    assert isinstance(caught.value.cause, CancelledError)
    assert result.status is RunStatus.SUCCEEDED
    assert [entry.status for entry in entries] == [RunStatus.SUCCEEDED, RunStatus.CANCELLED]


async def test_pipeline_terminated_takes_its_runs_with_it(stack: Stack) -> None:
    """A run whose pipeline is gone is cancelled by the server."""
    async with stack.worker():
        name = stack.name("killed")
        await stack.declare(stack.name("slow"), **SLOW)
        await declare_pipeline(stack, name, nodes={"a": {"agent": stack.name("slow")}})
        handle = await start_pipeline(stack, name, f"{name}-1")
        await child_started(stack, f"{name}-1/a")
        await handle.terminate()

        async def gone() -> bool | None:
            described = await stack.client.get_workflow_handle(f"{name}-1/a").describe()
            return True if described.status is WorkflowExecutionStatus.CANCELED else None

        await poll(gone)
        ledger = (await stack.keeper(stack.name("slow"))).ledger.values()
    assert [entry.status for entry in ledger] == [RunStatus.CANCELLED]


async def test_pipeline_node_whose_id_is_taken_says_so(stack: Stack) -> None:
    """Two runs cannot have one id: the node fails, and its next attempt has another."""
    async with stack.worker():
        name = stack.name("taken")
        await stack.declare(stack.name("slow"), **SLOW)
        await stack.declare(stack.name("echo"), **INSTANT)
        squatter = await stack.start(stack.name("slow"), f"{name}-1/a")
        nodes = {"a": {"agent": stack.name("echo"), "attempts": 2}}
        await declare_pipeline(stack, name, nodes=nodes)
        result = await run_pipeline(stack, name, f"{name}-1")
        await squatter.cancel()
    assert result.status is RunStatus.SUCCEEDED
    assert result.nodes["a"].run_id == f"{name}-1/a#2"
