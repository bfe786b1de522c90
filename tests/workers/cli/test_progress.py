"""What one is told while a run cannot go on."""

import asyncio

import pytest
from temporalio import workflow
from temporalio.worker import Worker

from rota.pipelines.run import NodeResult
from rota.runs import RunStatus
from tests.stack import Stack
from workers.cli.pipeline_report import describe_node
from workers.cli.progress import show_progress
from workers.cli.server import Link
from workers.settings import Settings


@workflow.defn(name="AgentRun", sandboxed=False)
class BrokenRun:
    """A run whose code has a mistake."""

    @workflow.run
    async def run(self, _input: object) -> None:
        """Fail in a way that Temporal retries until the code is mended."""
        raise KeyError("a mistake")


@pytest.fixture
def link(stack: Stack) -> Link:
    """This corner of the server, as a command sees it."""
    settings = Settings.read(
        stack.folder, address=stack.address, store="unused", task_queue=stack.task_queue
    )
    return Link(stack.client, stack.store, settings)


async def told(link: Link, text: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Show the progress of a run until `text` is printed; return all that was."""
    handle = await link.client.start_workflow(
        "AgentRun", {"agent": "x"}, id=f"x-{text[:9]}", task_queue=link.settings.task_queue
    )
    showing = asyncio.create_task(show_progress(link, handle))
    printed = ""
    async with asyncio.timeout(20):
        while text not in printed:
            await asyncio.wait({showing}, timeout=0.1)
            printed += capsys.readouterr().err
    showing.cancel()
    await asyncio.gather(showing, return_exceptions=True)
    await handle.terminate()
    return printed


async def test_run_without_a_worker_says_what_to_start(
    link: Link, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody waits in silence for a worker that was never started."""
    assert "rota worker" in await told(link, "no worker serves", capsys)


async def test_run_that_its_worker_cannot_go_on_with_says_where_to_look(
    link: Link, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run stuck on broken code is not taken for a slow one."""
    broken = Worker(link.client, task_queue=link.settings.task_queue, workflows=[BrokenRun])
    async with broken:
        assert "worker's log" in await told(link, "cannot go on", capsys)


def test_node_with_items_tells_how_many_have_ended_and_no_attempt() -> None:
    """The attempts of three items are no third try."""
    item = NodeResult(status=RunStatus.SUCCEEDED, attempts=1)
    fan = NodeResult(status=RunStatus.SUCCEEDED, attempts=3, items=(item, item, item))
    assert describe_node(fan) == "succeeded, 3 of 3 items ended"
    again = NodeResult(status=RunStatus.WAITING, attempts=2, reason="again at 05:01")
    assert describe_node(again) == "waiting, attempt 2: again at 05:01"
