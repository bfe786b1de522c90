"""Pipelines and agents on a stack, driven from the command line."""

import asyncio
import subprocess
from collections import Counter
from typing import Any

from rota.tools import ToolContext, ToolDefinition, ToolError, tool
from tests.pipelines import declare_pipeline, worker_of
from tests.stack import Stack
from tests.workers.cli.command_line import Ended, rota


def options(stack: Stack) -> tuple[str, ...]:
    """What finds the stack's corner of the server."""
    address = ("--address", stack.address, "--store", stack.store.address)
    return (*address, "--task-queue", stack.task_queue)


async def command(stack: Stack, *arguments: str) -> Ended:
    """Run one command against the stack."""
    return await rota(*arguments, *options(stack))


async def line(process: "subprocess.Popen[str]", text: str) -> None:
    """Read one line of standard error, which must hold `text`."""
    assert process.stderr is not None
    assert text in await asyncio.to_thread(process.stderr.readline)


class Keyed:
    """A tool `work.do` that fails as often as a test says, and notes its idempotency keys."""

    def __init__(self, **failures: int) -> None:
        self.keys: dict[str, list[str]] = {}
        self._left = Counter(failures)

    @property
    def tool(self) -> ToolDefinition:
        """The tool, bound to these notes."""

        @tool(name="work.do")
        async def do(context: ToolContext, name: str) -> dict[str, str]:
            """Do the work, or fail."""
            self.keys.setdefault(name, []).append(context.idempotency_key)
            if self._left[name] > 0:
                self._left[name] -= 1
                raise ToolError(f"{name} broke")
            return {"value": f"{name} done"}

        return do


async def three_nodes(stack: Stack, **declaration: Any) -> str:
    """Declare report, then mail, then archive; return the pipeline's name."""
    name = stack.name("morning")
    agents = {each: stack.name(each) for each in ("report", "mail", "archive")}
    for each, agent in agents.items():
        await stack.declare(agent, **worker_of(each))
    nodes = {
        "report": {"agent": agents["report"]},
        "mail": {"agent": agents["mail"], "after": ["report"]},
        "archive": {"agent": agents["archive"], "after": ["mail"]},
    }
    await declare_pipeline(stack, name, nodes=nodes, **declaration)
    return name
