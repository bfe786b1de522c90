"""An agent that books at a service which loses the line, and the people who are asked."""

from collections.abc import Callable
from typing import Any

from temporalio.client import WorkflowHandle

from rota.runs import RunStatus
from rota.tools import Reconciled, ToolContext, ToolDefinition, tool
from tests.stack import script
from tests.workflows.claude import QUICK_RETRY
from tests.workflows.standing import waits

Run = WorkflowHandle[Any, Any]
SLOT = "2026-11-22T06:00:00Z"
POSTING: dict[str, Any] = {
    "runtime": script({"calls": [{"tool": "books.post"}]}, {"result": "{results.books_post}"}),
    "tools": ["books.post"],
    "retry": QUICK_RETRY,
}


class Service:
    """Books whatever arrives, and loses the line while it is told to."""

    def __init__(self, *, loses: int, books: bool = True) -> None:
        self.loses = loses
        self.books = books
        self.booked: list[str] = []
        self.calls = 0

    def tool(self, look: Callable[[ToolContext], Reconciled] | None = None) -> ToolDefinition:
        """The tool `books.post`, with or without eyes."""

        @tool(name="books.post", effect="write", reconcile=look)
        def post(context: ToolContext) -> str:
            """Book, and perhaps never answer."""
            self.calls += 1
            lost = self.calls <= self.loses
            if self.books or not lost:
                self.booked.append(context.idempotency_key)
            if lost:
                raise ConnectionError("lost in the middle")
            return f"booked as {len(self.booked)}"

        return post


async def parked(run: Run) -> dict[str, Any]:
    """Wait until the run asks about an effect; what it asks."""
    await waits(run, RunStatus.PARKED)
    (effect,) = (await run.query("status"))["effects"]
    return effect


async def resolve(run: Run, effect: dict[str, Any], **said: Any) -> str:
    """Say what happened, as plain JSON from anywhere."""
    return await run.execute_update("resolve_effect", {"effect": effect["key"], **said})
