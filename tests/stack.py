"""Rota on a real server, as tests use it: a store, a fleet, a worker, a client."""

import itertools
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from temporalio.client import Client, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy

from activities.documents import put_spec
from activities.runtimes.open import OpenRuntimes
from activities.stores.base import ObjectStore
from activities.toolbox import Toolbox
from activities.tools.builtin import BUILTIN_TOOLS
from rota.agent_spec import AgentSpec
from rota.connections import Connections
from rota.ids import keeper_id, keeper_queue
from rota.keepers.state import KeeperState
from rota.notices.notifier import NotifierPolicy
from rota.pinned_spec import PinnedSpec
from rota.runs import AgentRunResult
from rota.runtimes.breaker import BreakerPolicy
from rota.runtimes.queue import RuntimeQueue
from rota.tools import ToolDefinition
from workers.build import Build
from workers.connection import connect
from workers.encryption import store_of
from workers.settings import Settings
from workers.worker import serving

_NUMBERS = itertools.count(1)


@dataclass
class Stack:
    """One test's own corner of the server: names and task queue are unique to it."""

    address: str
    folder: Path
    store: ObjectStore
    client: Client
    task_queue: str
    runtimes: OpenRuntimes = field(default_factory=OpenRuntimes)
    breaker_policy: BreakerPolicy | None = None
    """Of the runtimes' breakers; None: the ordinary one."""
    notifier_policy: NotifierPolicy | None = None
    """Of channels' notifiers; None: the ordinary one."""
    runtime_queues: tuple[RuntimeQueue, ...] = ()
    """Served beside the task queue."""
    starter: Client | None = None
    """Starts the runs instead of `client`; see `tests.skipping`."""

    def name(self, base: str) -> str:
        """An agent name that no other test uses."""
        return f"{base}-{self.task_queue}"

    @asynccontextmanager
    async def worker(
        self,
        tools: Sequence[ToolDefinition] = (),
        *,
        client: Client | None = None,
        connections: Connections | None = None,
        build: Build | None = None,
    ) -> AsyncGenerator[None]:
        """Serve this stack's task queue inside this process."""
        known = {**BUILTIN_TOOLS, **{tool.name: tool for tool in tools}}
        toolbox = Toolbox(self.folder, known, connections)
        async with serving(
            client or self.client,
            task_queue=self.task_queue,
            store=self.store,
            toolbox=toolbox,
            runtimes=self.runtimes,
            grace=timedelta(0),
            breaker_policy=self.breaker_policy,
            notifier_policy=self.notifier_policy,
            runtime_queues=self.runtime_queues,
            build=build,
        ):
            try:
                yield
            finally:
                await self.runtimes.aclose()

    async def declare(self, name: str, **declaration: Any) -> AgentSpec:
        """Put a declaration in force the way `rota apply` does; needs a worker."""
        spec = AgentSpec.model_validate({"name": name, **declaration})
        await put_spec(self.store, spec)
        keeper = await self.client.start_workflow(
            "Agent",
            id=keeper_id(name),
            task_queue=keeper_queue(self.task_queue),
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        )
        await keeper.execute_update("declare", PinnedSpec.of(spec, fleet="test"))
        return spec

    async def start(self, name: str, run_id: str, **input: Any) -> WorkflowHandle[Any, Any]:
        """Start a run with a plain dict, as from outside."""
        return await (self.starter or self.client).start_workflow(
            "AgentRun",
            {"agent": name, **input},
            id=run_id,
            task_queue=self.task_queue,
            result_type=AgentRunResult,
        )

    async def run(self, name: str, run_id: str, **input: Any) -> AgentRunResult:
        """Start a run and wait for its result."""
        handle = await self.start(name, run_id, **input)
        return await handle.result()

    async def keeper(self, name: str) -> KeeperState:
        """The keeper's state now."""
        handle = self.client.get_workflow_handle(keeper_id(name))
        return await handle.query("state", result_type=KeeperState)


async def open_stack(address: str, folder: Path, store: str | None = None) -> Stack:
    """A fresh stack on the server at `address`; its store is in `folder` by default.

    A `fleet.yaml` there says whether it is encrypted.
    """
    store_address = store or str(folder / "store")
    settings = Settings.read(folder, store=store_address, address=address)
    opened = store_of(settings)
    client = await connect(settings, opened)
    return Stack(
        address=address,
        folder=folder,
        store=opened,
        client=client,
        task_queue=f"q{next(_NUMBERS)}",
    )


def script(*turns: dict[str, Any]) -> dict[str, Any]:
    """A `runtime` block that plays `turns`."""
    return {"kind": "scripted", "turns": list(turns)}
