"""Runs that use a lock, as far as a lock can tell: they hear of their turn, and end.

In a file of its own so that the sandbox loads it without the tests' imports.
"""

from typing import Any

from temporalio import workflow


@workflow.defn(name="LockAsker")
class LockAsker:
    """Notes what the lock tells it, until it is told to end."""

    def __init__(self) -> None:
        self._told: list[dict[str, Any]] = []
        self._ended = False

    @workflow.run
    async def run(self) -> None:
        await workflow.wait_condition(lambda: self._ended)

    @workflow.signal
    def lock_granted(self, answer: dict[str, Any]) -> None:
        self._told.append(answer)

    @workflow.signal
    def end(self) -> None:
        self._ended = True

    @workflow.update
    async def turn(self) -> dict[str, Any]:
        """Return the lock's first word, as soon as it has come."""
        await workflow.wait_condition(lambda: bool(self._told))
        return self._told[0]

    @workflow.query
    def told(self) -> list[dict[str, Any]]:
        return self._told
