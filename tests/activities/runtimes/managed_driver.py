"""Plays the steps around a Managed Agents session, as a run does, without a run."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from activities.runtimes.claude_managed import ClaudeManagedRuntime
from rota.conversation import Message, Text, ToolResult, ToolSchema
from rota.runtimes.session import (
    Collected,
    Observation,
    ProviderSession,
    SessionRequest,
    SessionState,
    Told,
)
from tests.fakes.managed_server import AGENT, ENVIRONMENT, KEY, ManagedFake

MATCH = ToolSchema(
    name="ledger.match",
    description="Match entries.",
    parameters={"type": "object", "properties": {"account": {"type": "string"}}},
)


def words(text: str) -> Message:
    """What a session is told."""
    return Message(role="user", content=(Text(text=text),))


_open: list[ClaudeManagedRuntime] = []


@asynccontextmanager
async def managed_fake(*, late: bool = False) -> AsyncIterator[ManagedFake]:
    """A fake, and the end of all connections to it."""
    with ManagedFake(late=late) as fake:
        try:
            yield fake
        finally:
            while _open:
                await _open.pop().aclose()


def runtime(key: str = KEY) -> ClaudeManagedRuntime:
    """A runtime whose connections end with the fake."""
    _open.append(ClaudeManagedRuntime(lambda reference: key))
    return _open[-1]


@dataclass
class Driver:
    """One run's request, and what came of its steps."""

    fake: ManagedFake
    request: SessionRequest
    runtime: ClaudeManagedRuntime = field(default_factory=runtime)
    reports: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    progress: asyncio.Event = field(default_factory=asyncio.Event)
    cursor: str = ""

    @staticmethod
    def on(fake: ManagedFake, *, number: int = 1, **more: Any) -> "Driver":
        """A driver of run `number`; settings by their names, others by the request's."""
        settings = {
            "kind": "claude-managed",
            "agent": AGENT,
            "environment": ENVIRONMENT,
            "base_url": fake.url,
            "poll": "10ms",
            **more.pop("settings", {}),
        }
        key = f"{number:064x}"
        request = SessionRequest(
            settings=settings,
            key=key,
            agent="books",
            run_id=f"books/{number}",
            run_key=f"run-{number}",
            labels={"rota_key": key, "rota_run": f"books/{number}"},
            system="Match everything.",
            opening=words("Slot 2026-01-01."),
            **more,
        )
        return Driver(fake, request)

    async def begin(self) -> ProviderSession:
        """Submit, and tell the task."""
        session = await self.runtime.submit(self.request)
        return await self.tell(session, Told(message=self.request.opening))

    async def tell(
        self, session: ProviderSession, told: Told, *, again: bool = False
    ) -> ProviderSession:
        """Answer the session."""
        return await self.runtime.answer(session, self.request, told, again)

    async def watch(self, session: ProviderSession) -> Observation:
        """Observe until the next stop."""
        async with asyncio.timeout(10):
            seen = await self.runtime.observe(session, self.request, self.cursor, self._report)
        self.cursor = seen.cursor
        return seen

    async def run(
        self, tool: Callable[[dict[str, Any]], str] = lambda args: "matched"
    ) -> tuple[ProviderSession, Collected]:
        """Play to the end; tools are answered by `tool`."""
        session = await self.begin()
        while (seen := await self.watch(session)).state is SessionState.TOOLS:
            results = tuple(
                ToolResult(call_id=call.id, content=tool(call.args))
                for call in seen.message.tool_calls
            )
            session = await self.tell(session, Told(results=results))
        return session, await self.runtime.collect(session, self.request, self.cursor)

    def _report(self, cursor: str, text: str) -> None:
        self.reports.append((cursor, text))
        self.progress.set()
