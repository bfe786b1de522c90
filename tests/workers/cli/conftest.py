"""A written fleet on the real server, with names of its own."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client

from activities.tools.fleet import load_tools
from rota.ids import keeper_queue
from schedules.freezes import list_keepers
from tests.dismissal import dismiss
from tests.stack import Stack
from tests.workers.cli.command_line import Ended, rota
from tests.workflows.gates import poll
from workers.cli import roll_call
from workers.devserver import DevServer


@dataclass(frozen=True)
class FleetOnServer:
    """A fleet written by `rota init`, its agent renamed so that no other test has it."""

    stack: Stack
    folder: Path
    agent: str

    @property
    def options(self) -> tuple[str, ...]:
        """What every command needs to find this corner of the server."""
        return (
            *("--fleet", str(self.folder), "--address", self.stack.address),
            *("--store", self.stack.store.address, "--task-queue", self.stack.task_queue),
        )

    @property
    def file(self) -> Path:
        """The agent's declaration."""
        return self.folder / "agents" / "hello.yaml"

    async def rota(self, *arguments: str) -> Ended:
        """Run one command against this fleet."""
        return await rota(*arguments, *self.options)

    async def listed(self, agent: str = "", team: str = "") -> None:
        """Wait until the server's lists show the agent as declared; they lag behind."""

        async def is_listed() -> bool | None:
            for each in await list_keepers(self.stack.client):
                if each.name == (agent or self.agent) and each.declared:
                    return each.team == team or not team or None
            return None

        await poll(is_listed)

    def change(self, old: str, new: str) -> None:
        """Edit the declaration."""
        text = self.file.read_text()
        assert old in text
        self.file.write_text(text.replace(old, new))


@pytest.fixture(scope="session")
def server(listing_server: DevServer) -> DevServer:
    """Shared with the other tests that have everything listed."""
    return listing_server


@pytest.fixture
async def stack(stack: Stack) -> AsyncIterator[Stack]:
    """A stack that leaves nothing to list."""
    yield stack
    await dismiss(stack)


@pytest.fixture
async def written(stack: Stack) -> FleetOnServer:
    """A fleet in files alone."""
    folder = stack.folder / "fleet"
    ended = await rota("init", str(folder), "--name", stack.name("fleet"))
    assert ended.code == 0, ended.err
    fleet = FleetOnServer(stack, folder, stack.name("hello"))
    fleet.change("name: hello", f"name: {fleet.agent}")
    return fleet


@pytest.fixture
async def served(written: FleetOnServer) -> AsyncIterator[FleetOnServer]:
    """A fleet that is applied, and served by a worker in this process."""
    tools = list(load_tools(written.folder).values())
    async with written.stack.worker(tools):
        ended = await written.rota("apply")
        assert ended.code == 0, ended.err
        await written.listed()
        yield written


@pytest.fixture
def only_here(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands that ask every workflow of a kind ask those of the stack alone.

    What earlier tests have left on the server has no worker any more: each would be waited for.
    """
    whole = roll_call.open_names

    async def here(client: Client, query: str, *rest: Any, **more: Any) -> list[str]:
        queue = keeper_queue(stack.task_queue)
        return await whole(client, f"{query} AND TaskQueue = '{queue}'", *rest, **more)

    monkeypatch.setattr(roll_call, "open_names", here)
