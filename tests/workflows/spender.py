"""Runs that spend, as far as an account can tell: they hear of room, and end.

In a file of its own so that the sandbox loads it without the tests' imports.
"""

from typing import Any

from temporalio import workflow


@workflow.defn(name="Spender")
class Spender:
    """Notes how often it was told of room, until it is told to end."""

    def __init__(self) -> None:
        self._told = 0
        self._ended = False

    @workflow.run
    async def run(self) -> None:
        await workflow.wait_condition(lambda: self._ended)

    @workflow.signal
    def budget_raised(self, run: dict[str, Any]) -> None:
        self._told += run["id"] == workflow.info().workflow_id

    @workflow.signal
    def end(self) -> None:
        self._ended = True

    @workflow.update
    async def heard(self, times: int) -> None:
        """Return as soon as it was told so often."""
        await workflow.wait_condition(lambda: self._told >= times)

    @workflow.query
    def told(self) -> int:
        return self._told
