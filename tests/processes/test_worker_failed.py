"""A worker that can no longer serve ends, so that whoever watches it starts another."""

import asyncio

from tests.processes.worker_process import launched, worker_process
from tests.stack import Stack, script

HANGING_TOOL = '''
import threading

from rota.tools import ToolContext, tool


@tool(name="books.wait", effect="read", timeout="1h")
def wait(context: ToolContext) -> str:
    """Wait for ever."""
    (context.fleet / "waiting").touch()
    threading.Event().wait()
'''


def last_lines(stack: Stack) -> str:
    """The end of the worker's log."""
    return "\n".join((stack.folder / "worker.log").read_text().splitlines()[-5:])


async def test_worker_failing_with_a_hanging_tool_ends_at_once_and_says_why(stack: Stack) -> None:
    """No thread can keep a useless worker alive: one line in the log and exit code 1."""
    stack.folder.mkdir(parents=True, exist_ok=True)
    (stack.folder / "tools.py").write_text(HANGING_TOOL)
    name = stack.name("waiter")
    async with worker_process(stack, ("tests.processes.failing_worker", "poll")) as worker:
        runtime = script({"calls": [{"tool": "books.wait"}]}, {"result": "done"})
        await stack.declare(name, runtime=runtime, tools=["books.wait"])
        await stack.start(name, f"{name}-1")
        async with asyncio.timeout(20):
            while not (stack.folder / "waiting").exists():  # noqa: ASYNC110 - another's file
                await asyncio.sleep(0.02)
        (stack.folder / "fail").touch()
        assert await asyncio.to_thread(worker.wait, 10) == 1
    log = last_lines(stack)
    assert "CRITICAL rota.worker the worker failed: RuntimeError: Workflow worker failed" in log
    assert "Traceback" not in log


async def test_worker_that_cannot_begin_ends_and_does_not_hang(stack: Stack) -> None:
    """The SDK waits for a shutdown that never comes then; the process ends all the same."""
    with launched(stack, ("tests.processes.failing_worker", "start")) as worker:
        assert await asyncio.to_thread(worker.wait, 30) == 1
    assert "CRITICAL rota.worker the worker failed" in last_lines(stack)
