"""Looks after runs that may be gone, beside the loop of a keeper or a lock.

A worker that dies in the middle of a look-up takes it along until its timeout. The loop must
not wait for that: grants, starts and messages are due meanwhile.
"""

import asyncio
from collections.abc import Callable, Sequence

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.interface import KeeperDesk
    from rota.run_ref import ClosedRun, RunRef, Suspects
    from workflows.activity_options import keeper_options


class Look:
    """One look at a time. Stop it before continue-as-new."""

    def __init__(
        self, found: Callable[[Sequence[ClosedRun]], None], *, with_use: bool = True
    ) -> None:
        """Have `found` told the runs that have ended, after each look, if only that none has.

        What each has used comes with it if `with_use`.
        """
        self._found = found
        self._with_use = with_use
        self._task: asyncio.Task[None] | None = None

    @property
    def is_under_way(self) -> bool:
        """True until `found` has been told."""
        return self._task is not None and not self._task.done()

    def after(self, suspects: Sequence[RunRef]) -> None:
        """Begin to look after `suspects`; nothing at all if there are none."""
        if suspects:
            self._task = asyncio.create_task(self._look(list(suspects)))

    async def stop(self) -> None:
        """Give up the look under way: the next execution looks again soon."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await workflow.wait([self._task])

    async def _look(self, suspects: list[RunRef]) -> None:
        self._found(await _closed_runs(Suspects(runs=tuple(suspects), with_use=self._with_use)))


async def _closed_runs(suspects: Suspects) -> list[ClosedRun]:
    """Return those of `suspects` that have ended; none if that cannot be seen now."""
    runs = suspects.runs
    which = f"does {runs[0].id}" if len(runs) == 1 else f"do {len(runs)} open runs"
    try:
        return await workflow.execute_activity_method(
            KeeperDesk.closed_runs, suspects, summary=f"{which} still live?", **keeper_options()
        )
    except ActivityError as error:
        workflow.logger.warning("cannot look after %d runs now: %s", len(runs), error.cause)
        return []
