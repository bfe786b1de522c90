"""Runs that wait for people, as tests see them."""

import asyncio
from typing import Any

from temporalio.client import WorkflowHandle


async def open_questions(handle: WorkflowHandle[Any, Any], many: int = 1) -> list[dict[str, Any]]:
    """Wait until so many questions are open, and return them."""
    async with asyncio.timeout(20):
        while True:
            status = await handle.query("status")
            if len(status["questions"]) == many:
                return status["questions"]
            await asyncio.sleep(0.05)
