"""Plays the steps around a Cursor agent, as a run does, without a run."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from activities.runtimes.cursor import CursorRuntime
from rota.conversation import Message, Text
from rota.runtimes.session import Observation, ProviderSession, SessionRequest
from tests.fakes.cursor_server import KEY, CursorFake


def words(text: str) -> Message:
    """What an agent is told."""
    return Message(role="user", content=(Text(text=text),))


@dataclass
class Bench:
    """A fake, the runtime on it, and what it reports."""

    fake: CursorFake
    runtime: CursorRuntime = field(
        default_factory=lambda: CursorRuntime(lambda reference: KEY, 0.3, 0.3)
    )
    reports: list[str] = field(default_factory=list[str])
    progress: asyncio.Event = field(default_factory=asyncio.Event)

    def request(self, number: int = 1, **more: Any) -> SessionRequest:
        """Run `number`'s request; settings by their names, others by the request's."""
        settings = {
            "kind": "cursor",
            "repos": [{"url": "https://github.com/acme/books", "ref": "main"}],
            "base_url": self.fake.url,
            "poll": "10ms",
            **more.pop("settings", {}),
        }
        return SessionRequest(
            settings=settings,
            key=f"{number:064x}",
            agent="books",
            run_id=f"books/{number}",
            run_key=f"run-{number}",
            system="Mend it.",
            opening=words("The build is broken."),
            **more,
        )

    async def watch(self, session: ProviderSession, request: SessionRequest) -> Observation:
        """Observe until the end."""
        async with asyncio.timeout(10):
            return await self.runtime.observe(session, request, "", self._report)

    def _report(self, cursor: str, text: str) -> None:
        self.reports.append(text)
        self.progress.set()


@asynccontextmanager
async def cursor_bench(*, honours_keys: bool = True) -> AsyncIterator[Bench]:
    """A fake and the runtime on it, closed at the end."""
    with CursorFake(honours_keys=honours_keys) as fake:
        bench = Bench(fake)
        try:
            yield bench
        finally:
            await bench.runtime.aclose()
