"""Hold runs where a test wants them, and wait for what it wants to see."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from rota.ids import keeper_id, keeper_queue
from rota.keepers.state import KeeperState
from rota.tools import ToolDefinition, tool
from tests.stack import Stack, script

T = TypeVar("T")


class Gate:
    """A tool `gate.pass` that returns once the test opens the gate."""

    def __init__(self) -> None:
        self.opened = asyncio.Event()
        self.reached = asyncio.Event()

    @property
    def tool(self) -> ToolDefinition:
        """The tool, bound to this gate."""

        @tool(name="gate.pass")
        async def pass_gate() -> str:
            """Wait until the gate is open."""
            self.reached.set()
            await self.opened.wait()
            return "through"

        return pass_gate


GATED: dict[str, Any] = {
    "runtime": script({"calls": [{"tool": "gate.pass"}]}, {"result": "done"}),
    "tools": ["gate.pass"],
}
"""A declaration whose runs stop at the gate."""


async def until(
    stack: Stack, agent: str, seen: Callable[[KeeperState], bool], seconds: float = 20.0
) -> KeeperState:
    """Return the keeper's state as soon as it looks as it should."""

    async def ask() -> KeeperState | None:
        state = await stack.keeper(agent)
        return state if seen(state) else None

    return await poll(ask, seconds)


async def poll(ask: Callable[[], Awaitable[T | None]], seconds: float = 20.0) -> T:
    """Ask until there is an answer.

    Raises:
        TimeoutError: there was none in time.
    """
    async with asyncio.timeout(seconds):
        while True:
            answer = await ask()
            if answer is not None:
                return answer
            await asyncio.sleep(0.05)


def waiting(count: int) -> Callable[[KeeperState], bool]:
    """True of a keeper in which so many runs wait."""
    return lambda state: sum(len(s.queue) for s in state.sessions.values()) == count


async def keepers_listed(stack: Stack, *agents: str) -> None:
    """Wait until the server's lists show these agents' keepers; they lag behind a start."""
    query = f"WorkflowType = 'Agent' AND TaskQueue = '{keeper_queue(stack.task_queue)}'"

    async def all_there() -> bool | None:
        listed = {execution.id async for execution in stack.client.list_workflows(query)}
        return {keeper_id(agent) for agent in agents} <= listed or None

    await poll(all_there)
