"""Agents whose thinking the double does, on the real server."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from temporalio.client import WorkflowHandle

from rota.tools import ToolDefinition
from tests.contract.double import install
from tests.contract.double_provider import FakeProvider
from tests.stack import Stack
from tests.workflows.claude import QUICK_RETRY


@dataclass
class Doubles:
    """A stack, a provider, and an agent that works with it."""

    stack: Stack
    provider: FakeProvider
    monkeypatch: pytest.MonkeyPatch

    @asynccontextmanager
    async def worker(
        self,
        *,
        tools: Sequence[ToolDefinition] = (),
        promises: dict[str, Any] | None = None,
        runtime: dict[str, Any] | None = None,
        **declaration: Any,
    ) -> AsyncGenerator[str]:
        """Serve one agent of kind `double`; yields its name."""
        self.stack.runtimes = install(self.monkeypatch, self.provider, **(promises or {}))
        name = self.stack.name("doubled")
        async with self.stack.worker(tools):
            await self.stack.declare(
                name,
                runtime={"kind": "double", "poll": "20ms", **(runtime or {})},
                tools=[tool.name for tool in tools],
                **{"retry": QUICK_RETRY, **declaration},
            )
            yield name


async def activities_of(handle: WorkflowHandle[Any, Any]) -> list[str]:
    """Names of the activities that a run has scheduled, in order."""
    return [
        event.activity_task_scheduled_event_attributes.activity_type.name
        async for event in handle.fetch_history_events()
        if event.HasField("activity_task_scheduled_event_attributes")
    ]


async def status_shows(handle: WorkflowHandle[Any, Any], text: str) -> dict[str, Any]:
    """Wait until the run says that it waits for something with `text` in it."""
    async with asyncio.timeout(20):
        while True:
            status = await handle.query("status")
            if any(text in line for line in status["waiting_for"]):
                return status
            await asyncio.sleep(0.05)
