"""What a run has asked people: which matters are open, and what was said of each."""

from collections.abc import Awaitable
from typing import Any, Generic, TypeVar

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from rota.model import Record
    from workflows.run_kit.clock import RunClock

Matter = TypeVar("Matter", bound=Record)
Word = TypeVar("Word")


class Matters(Generic[Matter, Word]):
    """The matters of one kind, such as a run's questions, by their ids."""

    def __init__(self, clock: RunClock, said: dict[str, Word] | None = None) -> None:
        """Begin with what was `said` in earlier executions; none of that is open any more."""
        self._clock = clock
        self.open: dict[str, Matter] = {}
        """Those that the run waits for now."""
        self.said: dict[str, Word] = said or {}
        """The newest word on each, also of those that are closed."""

    @property
    def unsaid(self) -> dict[str, Matter]:
        """Those that wait for somebody's word, oldest first."""
        return {id: matter for id, matter in self.open.items() if id not in self.said}

    @property
    def shown(self) -> list[dict[str, Any]]:
        """The same, as the query `status` tells them."""
        return [matter.model_dump(mode="json") for matter in self.unsaid.values()]

    @property
    def listed(self) -> str:
        """Their ids, as people are told them."""
        return ", ".join(self.unsaid) or "none"

    async def wait(self, id: str, matter: Matter, waiting: Awaitable[object]) -> None:
        """Keep `matter` open for as long as `waiting` lasts, which is no time of the run's."""
        self.open[id] = matter
        try:
            await self._clock.still(waiting)
        finally:
            # A run that is dropped from memory comes here too; this touches no workflow.
            self.open.pop(id, None)
