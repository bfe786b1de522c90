"""Many deliveries at once, and the server gone in the middle: what was accepted is there, once."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx2
import pytest
from temporalio.client import Client
from temporalio.service import RPCError

from activities.side_by_side import side_by_side
from tests.processes.worker_process import kill
from tests.stack import Stack, open_stack, script
from tests.workers.gateway.gateways import served
from tests.workers.gateway.hook_doors import gateway_with, hook_door, post
from tests.workers.gateway.wire import wire_to
from tests.workflows.gates import poll
from workers.devserver import DevServer, dev_server, free_port
from workers.plugin import RotaPlugin

AGAIN_SECONDS = 0.2
"""How soon a sender comes again: sooner than it is told to, so that the test is quick."""


@dataclass
class Senders:
    """Post deliveries until each is accepted, and remember what they were told."""

    asking: httpx2.AsyncClient
    path: str
    accepted: dict[str, str] = field(default_factory=dict[str, str])
    """Run ids by delivery."""
    statuses: Counter[int] = field(default_factory=Counter[int])
    enough: int = 10
    under_way: asyncio.Event = field(default_factory=asyncio.Event)
    """Set as soon as `enough` were accepted."""

    async def send(self, id: str) -> None:
        """Post one delivery; again if it was not accepted."""
        while True:
            answer = await post(self.asking, self.path, {"id": id}, id)
            self.statuses[answer.status_code] += 1
            if answer.is_success:
                self.accepted[id] = answer.json()["run_id"]
                if len(self.accepted) >= self.enough:
                    self.under_way.set()
                return
            assert answer.status_code == 503
            await asyncio.sleep(AGAIN_SECONDS)

    async def burst(self, first: int, count: int) -> None:
        """Post so many at once."""
        await asyncio.gather(*(self.send(f"msg_{n}") for n in range(first, first + count)))


@asynccontextmanager
async def flooded(stack: Stack, client: Client) -> AsyncGenerator[Senders]:
    """Senders to a gateway of the stack that reaches the server by `client`."""
    name = stack.name("triage")
    async with stack.worker():
        await stack.declare(name, runtime=script({"result": "done"}))
    gateway = gateway_with(stack, hook_door(name, per_minute=100_000))
    async with served(replace(gateway, client=client)) as asking:
        asking.timeout = httpx2.Timeout(60)
        yield Senders(asking, f"/hooks/{name}")


async def lost(client: Client, senders: Senders) -> list[str]:
    """Accepted runs that the server does not have."""

    async def missing(run_id: str) -> bool:
        try:
            await client.get_workflow_handle(run_id).describe()
        except RPCError:
            return True
        return False

    found = await side_by_side(senders.accepted.values(), missing, 20)
    return [run for run, gone in zip(senders.accepted.values(), found, strict=True) if gone]


async def test_burst_while_the_server_cannot_be_reached_loses_nothing(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut off in the middle of 60: each is accepted in the end, and is one run."""
    monkeypatch.setattr("workers.gateway.server_calls.PATIENCE_SECONDS", 0.5)
    async with wire_to(stack.address) as wire:
        client = await Client.connect(wire.address, plugins=[RotaPlugin(stack.store)])
        async with flooded(stack, client) as senders:
            async with asyncio.TaskGroup() as bursts:
                bursts.create_task(senders.burst(0, 30))
                await senders.under_way.wait()
                wire.cut()
                # On a busy machine all of the others may have been answered at once, too.
                bursts.create_task(senders.burst(30, 30))
                await poll(lambda: refused(senders))
                await wire.open()
            # A server that is there may be slow, too: on a busy machine one start takes longer.
            monkeypatch.undo()
            again = Senders(senders.asking, senders.path)
            await again.burst(0, 60)
    assert again.accepted == senders.accepted
    assert (len(set(senders.accepted.values())), again.statuses) == (60, {200: 60})
    assert await lost(stack.client, senders) == []


async def refused(senders: Senders) -> bool | None:
    """The first was told to come again."""
    return bool(senders.statuses[503]) or None


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("seconds", "count"), [(1, 200), (60, 200)])
async def test_flood_with_the_server_killed_loses_nothing(
    tmp_path: Path, seconds: int, count: int
) -> None:
    """So many each second; `kill -9` of the server amid them, and a start on the same file."""
    database, port = tmp_path / "temporal.db", free_port()
    async with dev_server(database=database, port=port) as first:
        stack = await open_stack(first.address, tmp_path)
        async with flooded(stack, stack.client) as senders:
            senders.enough = seconds * count // 3
            bursts = asyncio.create_task(each_second(senders, seconds, count))
            await senders.under_way.wait()
            await asyncio.to_thread(kill, first.process)
            await poll(lambda: refused(senders), 60)
            async with dev_server(database=database, port=port) as second:
                await bursts
                await check(second, stack, senders, seconds * count)


async def each_second(senders: Senders, seconds: int, count: int) -> None:
    """A burst every second, whether or not the last one is through."""
    async with asyncio.TaskGroup() as group:
        for second in range(seconds):
            group.create_task(senders.burst(second * count, count))
            await asyncio.sleep(1)


async def check(server: DevServer, stack: Stack, senders: Senders, count: int) -> None:
    """Every delivery was accepted, and every accepted one is a run."""
    assert len(set(senders.accepted.values())) == count
    assert await lost(await Client.connect(server.address), senders) == []
