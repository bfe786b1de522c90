"""`kill -9` of workers in the middle of filing: every finding has one ticket."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rota.runs import AgentRunResult, RunStatus
from tests.examples.quality_nights import (
    AGENT,
    PER_DAY,
    apply,
    baseline_of,
    copy_fleet,
    maker,
    ticket_service,
    truth,
    warehouse,
)
from tests.processes.worker_process import kill, worker_process
from tests.stack import Stack, open_stack
from tests.workflows.gates import poll
from workers.devserver import dev_server


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncIterator[Stack]:
    """A server of one's own: the fleet has its real names."""
    async with dev_server() as running:
        yield await open_stack(running.address, tmp_path)


async def test_worker_killed_while_it_files_leaves_one_ticket_per_finding(stack: Stack) -> None:
    """The next worker files the rest, and the result names them all."""
    with ticket_service(stack.folder) as service:
        copy_fleet(stack.folder, service.url)
        maker.make_warehouse(warehouse(stack.folder), PER_DAY)

        async def filing() -> bool | None:
            return bool(service.kept.all()) or None

        async with worker_process(stack) as worker:
            await apply(stack)
            run = await stack.start(AGENT, "night-1")
            await poll(filing, 60)
            kill(worker)
        async with worker_process(stack):
            result: AgentRunResult = await run.result()
            baseline = await baseline_of(stack)
        titles = sorted(ticket["title"] for ticket in service.kept.all())
    planted = truth(stack.folder, 1)["new"]
    assert result.status is RunStatus.SUCCEEDED
    assert titles == [f"cabs: {finding}" for finding in planted]
    assert sorted(each["finding"] for each in result.output["new"]) == planted
    assert baseline.candidate is not None
    assert baseline.candidate.run.id == "night-1"
