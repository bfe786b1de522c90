"""`kill -9` of a worker while an MCP server works for it: nothing is left, a write stays one."""

import asyncio
import os
import sys

import pytest
import yaml

from rota.failures import FailureCategory
from tests.fakes.mcp_warehouse import Log
from tests.house.repository import ROOT
from tests.processes.worker_process import kill, worker_process
from tests.stack import Stack, script
from tests.workflows.claude import QUICK_RETRY, ending_of


def fleet_of(stack: Stack) -> Log:
    """A fleet whose warehouse is a local program; returns what that is asked."""
    stack.folder.mkdir(parents=True, exist_ok=True)
    calls = stack.folder / "calls.jsonl"
    server = {
        "command": [sys.executable, "-m", "tests.fakes.mcp_warehouse", str(calls)],
        "env": {"PYTHONPATH": str(ROOT)},
    }
    file = {"name": "warehouse-fleet", "mcp": {"warehouse": server}}
    (stack.folder / "fleet.yaml").write_text(yaml.safe_dump(file))
    return Log(calls)


def is_alive(pid: int) -> bool:
    """True of a process that has not ended."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize(("tool", "calls"), [("slow_post", 1), ("slow", 2)])
async def test_worker_killed_within_a_call_takes_the_server_along(
    stack: Stack, tool: str, calls: int
) -> None:
    """The program dies with its worker; another worker repeats a read, and never a write."""
    log, name, full = fleet_of(stack), stack.name("clerk"), f"mcp:warehouse/{tool}"
    turns = script({"calls": [{"tool": full, "args": {"seconds": 3}}]}, {"result": "done"})
    async with worker_process(stack) as first:
        fails = {"on_unknown": "fail"}
        await stack.declare(name, runtime=turns, tools=[full], retry=QUICK_RETRY, effects=fails)
        handle = await stack.start(name, f"{name}-1")
        async with asyncio.timeout(30):
            while not log.calls(tool):  # noqa: ASYNC110 - another process's file
                await asyncio.sleep(0.02)
        kill(first)
        [begun] = log.calls(tool)
        async with asyncio.timeout(5):
            while is_alive(begun["pid"]):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.02)
        async with worker_process(stack):
            if calls == 2:
                assert (await handle.result()).output == "done"
            else:
                ending = await ending_of(handle)
                assert ending.result.category is FailureCategory.OUTCOME_UNKNOWN
                assert f"{full} was started and its worker lost" in ending.message
    assert len(log.calls(tool)) == calls
