"""Runs whose calls wait for approvals, as tests see them."""

import asyncio
from typing import Any

import pytest
from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError


async def open_approvals(handle: WorkflowHandle[Any, Any], many: int = 1) -> list[dict[str, Any]]:
    """Wait until so many calls wait for a decision, and return them."""
    async with asyncio.timeout(20):
        while True:
            status = await handle.query("status")
            if len(status["approvals"]) == many:
                return status["approvals"]
            await asyncio.sleep(0.05)


async def decide(
    handle: WorkflowHandle[Any, Any], pending: dict[str, Any], verdict: str = "approve", **said: Any
) -> str:
    """Decide with plain JSON, as from outside; `kim` does so."""
    digest = pending["request"]["digest"]
    given = {"call": pending["id"], "digest": digest, "verdict": verdict, "by": "kim"}
    return await handle.execute_update("decide", given | said)


async def refused(
    handle: WorkflowHandle[Any, Any], pending: dict[str, Any], verdict: str = "approve", **said: Any
) -> str:
    """Why a decision is refused."""
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await decide(handle, pending, verdict, **said)
    assert isinstance(caught.value.cause, ApplicationError)
    return caught.value.cause.message
