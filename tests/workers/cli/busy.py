"""A namespace in which runs are in every status that an open run can have, for tests."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from temporalio.common import SearchAttributeKey

from rota.tools import NeedsAnswer, ToolDefinition, tool
from rota.turns.questions import Question, QuestionKind
from tests.contract.double import install
from tests.contract.double_provider import FakeProvider, Hangs
from tests.pipelines import declare_pipeline, start_pipeline
from tests.stack import Stack, script
from tests.workers.cli.command_line import Ended, rota
from tests.workflows.gates import GATED, Gate, poll
from workers.stopping import open_runs

STATUS = SearchAttributeKey.for_keyword("RotaStatus")
PARALLEL = {"session": {"concurrency": "parallel"}}
GATED_PARALLEL: dict[str, Any] = {**GATED, **PARALLEL}


@tool(name="people.ask", effect="read")
def ask() -> str:
    """Ask somebody, and wait for that."""
    raise NeedsAnswer(Question(kind=QuestionKind.CONFIRM, text="Go on?"))


@tool(name="ledger.post", effect="write")
def post() -> str:
    """Post something, which needs an approval."""
    return "posted"


@dataclass
class Busy:
    """The stack, and what its runs wait for."""

    stack: Stack
    gate: Gate = field(default_factory=Gate)
    provider: FakeProvider = field(default_factory=lambda: FakeProvider(acts=[Hangs()]))
    statuses: dict[str, int] = field(default_factory=dict[str, int])
    """How many open runs are in each status, by plan."""
    runs: int = 0
    """Workflow executions that are runs: a pipeline's, and each node's."""

    @property
    def options(self) -> tuple[str, ...]:
        """What every command needs to find this corner."""
        address, store = self.stack.address, self.stack.store.address
        queue = self.stack.task_queue
        return ("--address", address, "--store", store, "--task-queue", queue)

    async def rota(self, *arguments: str) -> Ended:
        """Run one command."""
        return await rota(*arguments, *self.options)

    @property
    def tools(self) -> list[ToolDefinition]:
        """What the worker needs."""
        return [self.gate.tool, ask, post]

    @asynccontextmanager
    async def working(self, each: int, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
        """Serve, and start `each` runs of every kind; yields once all are where they are to be."""
        self.stack.runtimes = install(monkeypatch, self.provider)
        async with self.stack.worker(self.tools):
            await self._declare()
            starts = [self._start(kind, number) for kind in AGENTS for number in range(each)]
            await asyncio.gather(*starts)
            await asyncio.gather(
                *(start_pipeline(self.stack, "night", f"night-{n}") for n in range(each))
            )
            self.statuses = {
                # Those alone, holders of session and lock, callers, called, pipelines, nodes.
                "running": each * 6 + 2,
                "queued": each - 1,
                "waiting": 2 * each - 1,
                "awaiting_approval": each,
                "parked": each,
            }
            self.runs = sum(self.statuses.values())
            await poll(self._as_planned, 60)
            yield

    async def now(self) -> Counter[str]:
        """How many open runs are in each status."""
        runs = await open_runs(self.stack.client)
        return Counter(run.typed_search_attributes.get(STATUS) or "" for run in runs)

    async def _as_planned(self) -> bool | None:
        hanging = len(self.provider.sessions)
        return (dict(await self.now()) == self.statuses and hanging > 0) or None

    async def _declare(self) -> None:
        for name, declared in AGENTS.items():
            await self.stack.declare(name, **declared)
        nodes = {"first": {"agent": "alone"}, "last": {"agent": "alone", "after": ["first"]}}
        await declare_pipeline(self.stack, "night", nodes=nodes)

    async def _start(self, name: str, number: int) -> None:
        await self.stack.start(name, f"{name}-{number}")


AGENTS: dict[str, dict[str, Any]] = {
    "alone": GATED_PARALLEL,
    "queue": GATED,
    "lock": {**GATED_PARALLEL, "locks": ["books"]},
    "asks": {
        "runtime": script({"calls": [{"tool": "people.ask"}]}, {"result": "done"}),
        "tools": ["people.ask"],
        **PARALLEL,
    },
    "approved": {
        "runtime": script({"calls": [{"tool": "ledger.post"}]}, {"result": "done"}),
        "tools": ["ledger.post"],
        "approvals": {"ledger.post": "always"},
        **PARALLEL,
    },
    "parks": {
        "runtime": script({"calls": [{"tool": "ledger.post"}]}, {"result": "done"}),
        "tools": ["ledger.post"],
        "approvals": {"ledger.post": {"timeout": "1s", "otherwise": "park"}},
        **PARALLEL,
    },
    "caller": {
        "runtime": script({"calls": [{"tool": "agents.alone"}]}, {"result": "done"}),
        "tools": ["agents.alone"],
        **PARALLEL,
    },
    "session": {"runtime": {"kind": "double", "poll": "20ms"}, **PARALLEL},
}
