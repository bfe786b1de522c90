"""A promise being played: one agent on one runtime, as a user declares it."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from temporalio.client import WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ApplicationError

from rota.runs import AgentRunResult
from rota.runtimes.kind import Capabilities, Shape
from rota.tools import ToolDefinition
from tests.contract.bench import RuntimeBench
from tests.contract.benches import promises
from tests.stack import Stack

QUICK = {"attempts": 3, "backoff": "10ms"}
"""Retries as short as may be."""


@dataclass
class Contract:
    """A runtime on its fake, and a corner of the server."""

    stack: Stack
    bench: RuntimeBench

    @property
    def is_session(self) -> bool:
        """The runtime works by itself."""
        return self.bench.kind.shape is Shape.SESSION

    @property
    def promises(self) -> Capabilities:
        """What the runtime promises with the bench's settings."""
        return promises(self.bench)

    @property
    def repeats(self) -> bool:
        """An attempt that was lost is made again, or its work taken up."""
        return not self.is_session or self.promises.reattach

    def impatient(self, limit: str) -> dict[str, Any]:
        """Settings with which silence ends after `limit`."""
        return {"inactivity" if self.is_session else "timeout": limit}

    @asynccontextmanager
    async def agent(
        self,
        *,
        tools: Sequence[ToolDefinition] = (),
        runtime: dict[str, Any] | None = None,
        **declaration: Any,
    ) -> AsyncGenerator[str]:
        """Serve one agent on the runtime; yields its name. Script the bench before."""
        async with self.stack.worker(tools):
            yield await self.declare(tools, runtime, **declaration)

    async def declare(
        self,
        tools: Sequence[ToolDefinition] = (),
        runtime: dict[str, Any] | None = None,
        **declaration: Any,
    ) -> str:
        """Put the agent in force; needs a worker. Returns its name."""
        name = self.stack.name("agent")
        await self.stack.declare(
            name,
            runtime=self.bench.settings(**(runtime or {})),
            tools=[tool.name for tool in tools],
            **{"retry": QUICK, **declaration},
        )
        return name

    async def start(self, name: str, number: int = 1) -> WorkflowHandle[Any, Any]:
        """Start a run."""
        return await self.stack.start(name, f"{name}-{number}")

    async def end(self, handle: WorkflowHandle[Any, Any]) -> AgentRunResult:
        """How a run ended, well or not."""
        try:
            return await handle.result()
        except WorkflowFailureError as failure:
            cause = failure.cause
            assert isinstance(cause, ApplicationError), cause
            return AgentRunResult.model_validate(cause.details[0])

    async def run(self, name: str, number: int = 1) -> AgentRunResult:
        """Run once, to its end."""
        return await self.end(await self.start(name, number))

    async def until(self, came: Callable[[], bool]) -> None:
        """Wait for something at the provider."""
        async with asyncio.timeout(20):
            while True:
                if came():
                    return
                await asyncio.sleep(0.01)
