"""Agents that work together while their workers are killed again and again with -9.

Six acts at once: a pipeline, twenty triggers of one key, a lock with a queue, a backfill,
events and needs. Then everything is audited: see `tests.coordination`.
"""

import asyncio
import logging
import random
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.coordination import Play
from tests.coordination_tools import TOOLS_PY
from tests.processes.worker_process import kill, worker_process
from tests.stack import Stack, open_stack
from workers.devserver import DevServer


@pytest.mark.parametrize("kills", [3, pytest.param(8, marks=pytest.mark.soak)])
async def test_agents_that_work_together_survive_kills_of_their_workers(
    server: DevServer, tmp_path: Path, kills: int
) -> None:
    """I6, one run and one effect for each node, key, slot and event, leases apart, all ended."""
    seed = random.randrange(10**6)
    logging.getLogger("tests").warning("seed %d", seed)  # shown if the test fails
    stack = await open_stack(server.address, tmp_path)
    (tmp_path / "tools.py").write_text(TOOLS_PY)
    play = Play(stack, seconds=0.4)
    acts = (play.pipeline, play.key, play.lock, play.backfill, play.events, play.needs)
    async with AsyncExitStack() as workers:
        killing = asyncio.create_task(_kill_often(stack, workers, random.Random(seed), kills))
        async with asyncio.TaskGroup() as group:
            for act in acts:
                group.create_task(act())
        await killing
        open_runs = [
            run.id
            async for run in stack.client.list_workflows(
                f"TaskQueue = '{stack.task_queue}' AND ExecutionStatus = 'Running'"
            )
        ]
    assert open_runs == [], "every run has ended"


async def _kill_often(
    stack: Stack, workers: AsyncExitStack, chance: random.Random, kills: int
) -> None:
    """Serve with two processes; kill the older one at random moments, and start another."""
    serving = [await workers.enter_async_context(worker_process(stack))]
    for _ in range(kills):
        serving.append(await workers.enter_async_context(worker_process(stack)))
        await asyncio.sleep(chance.uniform(0.1, 2.0))
        await asyncio.to_thread(kill, serving.pop(0))
