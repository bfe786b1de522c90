"""Agents that call others, as the scripted runtime plays them."""

from typing import Any

from temporalio.client import WorkflowHandle
from temporalio.common import SearchAttributeKey

from rota.ids import handoff_run_id
from rota.runs import AgentRunResult
from tests.stack import Stack, script

ANY_OBJECT: dict[str, Any] = {"schema": {"type": "object"}}
"""An output that travels as JSON, not as text."""


def asks(agent: str, *, transfer: bool = False, **args: Any) -> dict[str, Any]:
    """A scripted call of another agent."""
    return {"tool": f"agents.{agent}" + (".transfer" if transfer else ""), "args": args}


def told_by(agent: str) -> str:
    """A template for what the caller was told by another agent."""
    return f"{{results.agents_{agent}}}"


async def declare_caller(
    stack: Stack, name: str, agent: str, *, call: dict[str, Any] | None = None, **declaration: Any
) -> None:
    """An agent that calls `agent` once, and answers with what it was told."""
    await stack.declare(
        name,
        runtime=script({"calls": [call or asks(agent)]}, {"result": told_by(agent)}),
        **{"tools": [f"agents.{agent}"], **declaration},
    )


def called_run(stack: Stack, caller_run: str, agent: str, turn: int = 1, index: int = 0):
    """The run that a call started."""
    handle: WorkflowHandle[Any, AgentRunResult] = stack.client.get_workflow_handle(
        handoff_run_id(caller_run, agent, turn, index), result_type=AgentRunResult
    )
    return handle


async def attribute(handle: WorkflowHandle[Any, Any], name: str) -> str | None:
    """A search attribute of a run."""
    description = await handle.describe()
    return description.typed_search_attributes.get(SearchAttributeKey.for_keyword(name))
