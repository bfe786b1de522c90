"""Where a run stands and what it waits for, told where people look."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from rota.keepers.admission import Admission
    from rota.runs import RunStatus
    from rota.turns.outcome import RunOrigin
    from workflows.run_kit import visibility
    from workflows.run_kit.telling import Telling

Result = TypeVar("Result")

FOR_PEOPLE = (RunStatus.AWAITING_APPROVAL, RunStatus.PARKED)
"""What a run with several waits is shown as, the first that applies: somebody has to act."""

SUMMARY_LIMIT = 200
"""Characters of a timer's summary; the server takes 400 bytes."""


class Standing:
    """The status of a run in progress, and its waits.

    Every wait of a run goes through `wait`, so none can be silent.
    """

    def __init__(self, origin: RunOrigin) -> None:
        self.status = RunStatus.RUNNING
        self.telling = Telling(origin)
        """What people are told of the run, who may be far from here."""
        self._origin = origin
        self._waits: dict[str, tuple[str, RunStatus]] = {}

    @property
    def waiting_for(self) -> list[str]:
        """One line for each wait, the longest-standing first."""
        return [text for text, _ in self._waits.values()]

    def admitted(self, admission: Admission, status: RunStatus) -> None:
        """Say who runs, why and for which slot. One event."""
        self.status = status
        visibility.show_admitted(admission, status, self._origin)

    def resume(self) -> None:
        """Say that the run goes on, unless people are still to act; an event if that is news."""
        status = self._for_people or RunStatus.RUNNING
        if self._waits and self.status in FOR_PEOPLE and status is RunStatus.RUNNING:
            status = RunStatus.WAITING
        if self.status is not status:
            self.status = status
            visibility.show_status(self.status)
            # Of a step under way, such as a tool that goes on with its answer, nobody tells anew.
            self._show()

    async def wait(
        self,
        what: str,
        text: str,
        came: Callable[[], bool],
        until: datetime | None,
        *,
        status: RunStatus = RunStatus.WAITING,
    ) -> bool:
        """Wait until `came` holds, or the time has come; return whether it holds.

        Args:
            what: Tells this wait from others at the same time.
            text: What people are told, for example `report 2026-11-22T06:00:00Z (pending)`.
            came: Looked at whenever the run gets a message.
            until: None waits without a timer.
            status: Shown with one event unless the run stands like this already.
        """
        if came() or (until is not None and until <= workflow.now()):
            return came()
        self._begin(what, text, status)
        try:
            await workflow.wait_condition(
                came,
                timeout=until - workflow.now() if until else None,
                timeout_summary=text[:SUMMARY_LIMIT],
            )
        except TimeoutError:
            self._over(what)
            return came()
        except asyncio.CancelledError:
            self._over(what)
            raise
        # Not `finally`: a run that is dropped from memory has no workflow to show itself in.
        self._over(what)
        return True

    async def wait_through(self, what: str, text: str, step: Awaitable[Result]) -> Result:
        """Await a step that itself sees the wait's end, such as one that watches a provider."""
        self._begin(what, text, RunStatus.WAITING)
        try:
            result = await step
        except (asyncio.CancelledError, Exception):
            self._over(what)
            raise
        # Not `finally`: see above.
        self._over(what)
        return result

    @property
    def _for_people(self) -> RunStatus | None:
        """What the waits for people make of the status; None if there are none."""
        statuses = [status for _, status in self._waits.values()]
        return next((status for status in FOR_PEOPLE if status in statuses), None)

    def _begin(self, what: str, text: str, status: RunStatus) -> None:
        self._waits[what] = text, status
        status = self._for_people or status
        if self.status is not status:
            self.status = status
            visibility.show_status(status)
        self._show()

    def _over(self, what: str) -> None:
        del self._waits[what]
        self._show()

    def _show(self) -> None:
        visibility.show_waiting(self.status, self.waiting_for, self._origin)
