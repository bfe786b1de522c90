"""Runs whose thinking or tools others provide, to be recorded."""

import asyncio
import sys
from pathlib import Path

import pytest

from rota.connections import Connections
from rota.mcp_servers import McpServer
from tests.contract.double_provider import Calls, Ends, FakeProvider, Hangs, Says
from tests.house.repository import ROOT
from tests.replay.scenarios import Recording, Scenario, add, ended
from tests.stack import Stack, open_stack, script
from tests.workflows.doubled import Doubles

TOOLS = ()


async def sessions(stack: Stack) -> list[Recording]:
    """A session that is told, asks for a tool and ends; one cancelled."""
    patch = pytest.MonkeyPatch()
    try:
        provider = FakeProvider(tells_at_start=False)
        own = Doubles(await beside(stack, "sessions"), provider, patch)
        provider.acts = [Says("begun"), Calls((("calc.add", {"a": 1, "b": 2}),)), Ends("3")]
        async with own.worker(tools=[add]) as name:
            await own.stack.run(name, "session-1")
            provider.acts = [Hangs()]
            hanging = await own.stack.start(name, "session-2")
            async with asyncio.timeout(20):
                await provider.looking.wait()
            await hanging.cancel()
            await ended(hanging)
    finally:
        patch.undo()
    return [Recording("run-session", "session-1"), Recording("run-session-cancelled", "session-2")]


async def conversations(stack: Stack) -> list[Recording]:
    """A run that sums up the conversation it goes on with."""
    turns = script({"result": "done", "usage": {"input_tokens": 2000}})
    same = {"continue": "same", "compact_above": 1000}
    await stack.declare("continuing", runtime=turns, session=same)
    await stack.run("continuing", "continuing-1")
    await stack.run("continuing", "continuing-2")
    return [Recording("run-summed-up", "continuing-2")]


async def served_tools(stack: Stack) -> list[Recording]:
    """A run that lists the tools of a server, and calls one."""
    own = await beside(stack, "served")
    calls = own.folder / "calls.jsonl"
    command = (sys.executable, "-m", "tests.fakes.mcp_warehouse", str(calls))
    server = McpServer(command=command, env={"PYTHONPATH": str(ROOT)})
    async with own.worker(connections=Connections(mcp={"warehouse": server})):
        tool = "mcp:warehouse/query"
        turns = script(
            {"calls": [{"tool": tool, "args": {"region": "north"}}]}, {"result": "counted"}
        )
        await own.declare("clerk", runtime=turns, tools=[tool])
        await own.run("clerk", "served-1")
    return [Recording("run-served-tools", "served-1")]


async def beside(stack: Stack, name: str) -> Stack:
    """A corner of the same server, with a worker of its own and the first one's store."""
    folder = Path(stack.folder) / name
    folder.mkdir(parents=True)
    return await open_stack(stack.address, folder)


SCENARIOS: tuple[Scenario, ...] = (sessions, conversations, served_tools)
