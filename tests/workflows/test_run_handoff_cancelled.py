"""Callers cancelled at any moment: nobody is left at work for a caller that is gone."""

import asyncio
import random

import pytest
from temporalio.client import (
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowHandle,
)
from temporalio.service import RPCError, RPCStatusCode

from rota.runs import AgentRunResult
from tests.stack import Stack, script
from tests.workflows.handing import asks, called_run, declare_caller

LATEST_SECONDS = 0.4
"""By then every call is made, and the called run is at work."""


async def described(
    handle: WorkflowHandle[object, AgentRunResult],
) -> WorkflowExecutionDescription | None:
    """A run that may never have been started."""
    try:
        return await handle.describe()
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return None


async def cancelled_at_random(stack: Stack, caller: str, runs: int) -> list[str]:
    """Start runs and cancel each after a random while; gives their ids, once they ended."""
    moments = random.Random(caller)

    async def one(number: int) -> str:
        handle = await stack.start(caller, f"{caller}-{number}")
        await asyncio.sleep(moments.uniform(0, LATEST_SECONDS))
        await handle.cancel()
        try:
            await handle.result()
        except WorkflowFailureError:
            return f"{caller}-{number}"
        return f"{caller}-{number}"

    ids: list[str] = []
    for start in range(0, runs, 4):
        ids += await asyncio.gather(*(one(start + offset) for offset in range(4)))
    return ids


@pytest.mark.timeout(120)
@pytest.mark.parametrize("runs", [12, pytest.param(48, marks=pytest.mark.soak)])
async def test_callers_cancelled_at_any_moment_close_after_what_they_called(
    stack: Stack, runs: int
) -> None:
    """Also one that is cancelled while its call is just being started."""
    caller, called = stack.name("caller"), stack.name("called")
    together = {"session": {"concurrency": "parallel"}}
    seen = 0
    async with stack.worker():
        await stack.declare(called, runtime=script({"result": "x", "seconds": 60}), **together)
        await declare_caller(stack, caller, called, **together)
        for run in await cancelled_at_random(stack, caller, runs):
            parent = await stack.client.get_workflow_handle(run).describe()
            child = await described(called_run(stack, run, called))
            assert parent.status is WorkflowExecutionStatus.CANCELED
            if child is None:
                continue
            seen += 1
            assert child.status is WorkflowExecutionStatus.CANCELED
            assert child.close_time is not None
            assert parent.close_time is not None
            assert child.close_time <= parent.close_time
        state = await stack.keeper(called)
    assert 0 < seen <= runs
    assert all(entry.status.closed for entry in state.ledger.values())


@pytest.mark.timeout(120)
@pytest.mark.parametrize("runs", [12, pytest.param(48, marks=pytest.mark.soak)])
async def test_transfers_cancelled_at_any_moment_either_happen_or_do_not(
    stack: Stack, runs: int
) -> None:
    """A caller that says it was cancelled has left nobody in its place."""
    caller, called = stack.name("caller"), stack.name("called")
    together = {"session": {"concurrency": "parallel"}}
    async with stack.worker():
        await stack.declare(called, runtime=script({"result": "done"}), **together)
        await stack.declare(
            caller,
            runtime=script({"calls": [asks(called, transfer=True)]}),
            tools=[f"agents.{called}.transfer"],
            **together,
        )
        ends: list[WorkflowExecutionStatus | None] = []
        for run in await cancelled_at_random(stack, caller, runs):
            parent = await stack.client.get_workflow_handle(run).describe()
            child = await described(called_run(stack, run, called))
            ends.append(parent.status)
            transferred = parent.status is WorkflowExecutionStatus.COMPLETED
            assert transferred or parent.status is WorkflowExecutionStatus.CANCELED
            assert (child is not None) is transferred
    assert len(ends) == runs
