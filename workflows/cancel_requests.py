"""Requests to cancel a workflow that must not end by them: keepers, topics, locks.

What such a workflow knows is nowhere else, and a click on *Cancel* would take it along
without a word. So it serves on; *Terminate* stays the explicit way to end it for good.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from temporalio import workflow

IGNORED = "**a request to cancel is ignored**: terminate this workflow to end it for good"


class CancelRequests:
    """The requests that one execution was sent."""

    def __init__(self) -> None:
        self.notice: list[str] = []
        """Lines for the workflow's details; none before the first request."""

    async def outlive(self, serve: Coroutine[Any, Any, None], show: Callable[[], None]) -> None:
        """Let `serve` run to its own end, which may be its continue-as-new or a failure.

        Temporal cancels the workflow's main task, in whatever that waits for. `serve` has a
        task of its own, so even an activity in the middle of it goes on.

        Args:
            serve: The workflow's loop.
            show: Called once `notice` says that a request is ignored.
        """
        serving = asyncio.create_task(serve)
        while not serving.done():
            try:
                await workflow.wait([serving])
            except asyncio.CancelledError:
                if workflow.cancellation_reason() is None:
                    raise  # nobody asked: the workflow leaves a worker's memory
                self.notice = [IGNORED]
                show()
                workflow.logger.warning("a request to cancel is ignored: terminate it to end it")
        serving.result()
