"""What must always hold, held against a minute of kills: workers, and the server itself.

One schedule fires every second; workers die by `kill -9` at random moments and are
replaced; the server dies once and comes back on its file. Then the books are audited.
"""

import asyncio
import logging
import random
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowExecutionStatus

from activities.documents import get_memory
from rota.keepers.state import KeeperState
from rota.runs import RunStatus
from rota.turns.memory import MemoryVersion
from tests.fleets import apply_of, declared, fleet_of
from tests.processes.worker_process import kill, worker_process
from tests.stack import Stack, open_stack, script
from workers.devserver import dev_server, free_port

SLOTS = 10
SENTINEL = "sentinel-7c1e0d52"
TOOLS = '''
from pathlib import Path

from rota.tools import ToolContext, tool


@tool(name="books.post", effect="idempotent")
def post(ctx: ToolContext) -> str:
    """Post once per key; every call is noted."""
    ctx.secrets("env:BOOKS_TOKEN")
    with (ctx.fleet / "calls.txt").open("a") as calls:
        calls.write(ctx.idempotency_key + "\\n")
    try:
        (ctx.fleet / "effects" / ctx.idempotency_key).touch(exist_ok=False)
    except FileExistsError:
        return "posted before"
    return "posted " + ctx.secrets("env:BOOKS_TOKEN")
'''
POSTING = script(
    {"calls": [{"tool": "books.post"}], "seconds": 0.3},
    {"calls": [{"tool": "memory.update", "args": {"patch": {"last": "{run.id}"}}}]},
    {"result": "done", "seconds": 0.2},
)


async def test_invariants_hold_under_kills_of_workers_and_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I1, I2, I3, I5, I8 and I9, after the same minute of faults."""
    seed = random.randrange(10**6)
    logging.getLogger("tests").warning("seed %d", seed)  # shown if the test fails
    monkeypatch.setenv("BOOKS_TOKEN", SENTINEL)
    (tmp_path / "tools.py").write_text(TOOLS)
    (tmp_path / "effects").mkdir()
    database, port = tmp_path / "temporal.db", free_port()
    async with AsyncExitStack() as servers:
        first = await servers.enter_async_context(dev_server(database=database, port=port))
        stack = await open_stack(first.address, tmp_path)
        name = stack.name("poster")
        schedule = _schedule()
        agent = declared(
            name,
            runtime=POSTING,
            tools=["books.post", "memory.update"],
            schedule=schedule,
            retry={"attempts": 20, "backoff": "100ms"},
        )
        async with worker_process(stack) as worker, worker_process(stack) as other:
            await apply_of(stack, fleet_of(stack, agent))
            workers = [worker, other]
            chance = random.Random(seed)
            for number in range(3):
                await asyncio.sleep(chance.uniform(0.5, 2.5))
                await asyncio.to_thread(kill, workers.pop(0))
                if number == 1:
                    await asyncio.to_thread(kill, first.process)
                    await servers.enter_async_context(dev_server(database=database, port=port))
                workers.append(await servers.enter_async_context(worker_process(stack)))
            state = await _settled(stack, name)
            await _audit(stack, name, state)


def _schedule() -> dict[str, Any]:
    start = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=5)
    end = start + timedelta(seconds=SLOTS - 1)
    return {
        "every": "1s",
        "start": start.isoformat(),
        "end": end.isoformat(),
        "overlap": "queue_all",
        "catchup": {"policy": "all", "window": "10m"},
    }


async def _settled(stack: Stack, name: str) -> KeeperState:
    """Wait until every slot has come and every run has ended."""
    async with asyncio.timeout(90):
        while True:
            state = await stack.keeper(name)
            ends = [entry.status.closed for entry in state.ledger.values()]
            if len(ends) >= SLOTS and all(ends):
                return state
            await asyncio.sleep(0.2)


async def _audit(stack: Stack, name: str, state: KeeperState) -> None:
    runs = [run async for run in stack.client.list_workflows(f"RotaAgent = '{name}'")]
    runs = [run for run in runs if run.workflow_type == "AgentRun"]
    slots = [entry.slot for entry in state.ledger.values()]
    assert len(set(slots)) == len(slots) == SLOTS, "I1: one run record per slot"
    assert {entry.status for entry in state.ledger.values()} == {RunStatus.SUCCEEDED}
    completed = WorkflowExecutionStatus.COMPLETED
    assert [run.status for run in runs] == [completed] * SLOTS, "I2: every run ends"
    effects = list((stack.folder / "effects").iterdir())
    calls = (stack.folder / "calls.txt").read_text().split()
    assert len(effects) == SLOTS, "I3: each effect once per key"
    assert set(calls) == {effect.name for effect in effects}
    versions = await _memory_chain(stack, state)
    authors = [version.author for version in versions]
    assert [version.version for version in versions] == list(range(SLOTS, 0, -1)), "I5: one chain"
    assert sorted(authors) == sorted(run.id for run in runs), "I5, I8: no update lost"
    for file in (path for path in (stack.folder / "store").rglob("*") if path.is_file()):
        assert SENTINEL.encode() not in file.read_bytes(), "I9: no secret in the store"
    for run in runs:
        history = await stack.client.get_workflow_handle(run.id).fetch_history()
        assert SENTINEL not in history.to_json(), "I9: no secret in history"


async def _memory_chain(stack: Stack, state: KeeperState) -> list[MemoryVersion]:
    chain: list[MemoryVersion] = []
    head = state.session("default").memory
    while head is not None:
        version = await get_memory(stack.store, head)
        assert version is not None
        chain.append(version)
        head = version.parent
    return chain
