"""`kill -9` of workers in the middle of a night of reviews: every comment is there once."""

import random
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rota.runs import RunStatus
from schedules.fleet import load_fleet
from tests.examples.code_review import copy_fleet, truth_of, written
from tests.fleets import apply_of
from tests.pipelines import result_of, start_pipeline
from tests.processes.worker_process import kill, worker_process
from tests.stack import Stack, open_stack
from tests.workflows.gates import poll
from workers.devserver import dev_server

PLACE = "branch, head, path, line, rule"


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncIterator[Stack]:
    """A server of one's own: the fleet has its real names."""
    async with dev_server() as running:
        yield await open_stack(running.address, tmp_path)


async def test_workers_killed_in_the_night_write_every_comment_once(stack: Stack) -> None:
    """Two workers die after some comments; the third finishes, and nothing is lost or doubled."""
    copy_fleet(stack.folder)
    truth = truth_of(stack.folder)
    planted = [
        (each["branch"], each["head"], finding["path"], finding["line"], finding["rule"])
        for each in truth["branches"]
        for finding in each["findings"]
    ]
    moments = random.Random(len(planted))

    async def comments_reach(count: int) -> None:
        async def ask() -> bool | None:
            return len(written(stack.folder, PLACE)) >= count or None

        await poll(ask, 60)

    async with worker_process(stack) as worker:
        await apply_of(stack, load_fleet(stack.folder))
        night = await start_pipeline(stack, "nightly-review", "night-1")
        await comments_reach(moments.randint(1, 2))
        kill(worker)
    async with worker_process(stack) as worker:
        await comments_reach(len(written(stack.folder, PLACE)) + moments.randint(1, 3))
        kill(worker)
    async with worker_process(stack):
        result = await result_of(night)
        ledger = (await stack.keeper("code-review")).ledger
    assert result.status is RunStatus.SUCCEEDED
    assert Counter(written(stack.folder, PLACE)) == Counter(planted)
    assert [entry.status for entry in ledger.values()] == [RunStatus.SUCCEEDED] * len(
        truth["branches"]
    )
    verdicts = dict(written(stack.folder, "branch, verdict", "reviews"))
    assert verdicts == {each["branch"]: each["verdict"] for each in truth["branches"]}
