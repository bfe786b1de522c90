"""Runs whose calls wait for approvals, as tests see them."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest
from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from activities.documents import get_transcript
from rota.conversation import ToolResult
from rota.runs import AgentRunResult
from rota.tools import ToolDefinition, tool
from tests.stack import Stack, script


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


async def told(stack: Stack, result: AgentRunResult) -> list[ToolResult]:
    """What the model was told of its calls."""
    nodes = await get_transcript(stack.store, result.transcript)
    return [b for node in nodes for m in node.added for b in m.content if isinstance(b, ToolResult)]


@dataclass
class Ledger:
    """A ledger whose tools note what was posted."""

    posted: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    touched: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def tools(self) -> list[ToolDefinition]:
        """`ledger.post` writes, `ledger.read` reads."""

        @tool(name="ledger.post", effect="write")
        def post(account: str, amount: int = 5000) -> str:
            """Post an amount."""
            self.posted.append({"account": account, "amount": amount})
            self.touched.set()
            return f"posted {amount}"

        @tool(name="ledger.read", effect="read")
        def read(account: str) -> str:
            """Read an account."""
            return f"read {account}"

        return [post, read]


def calling(*calls: dict[str, Any], says: str = "done") -> dict[str, Any]:
    """A `runtime` block: these calls in one turn, then the answer."""
    return script({"calls": list(calls)}, {"result": says})


def posting(account: str = "DE12", **args: Any) -> dict[str, Any]:
    """One call of `ledger.post`."""
    return {"tool": "ledger.post", "args": {"account": account, **args}}
