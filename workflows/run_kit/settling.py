"""A run's end: what still works is stopped, the keeper is told, the events are published."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from temporalio import workflow
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from rota.keepers.admission import Admission, Admitted, Decision
    from rota.runs import AgentRunResult, RunStatus
    from rota.turns.loop import Finish, LoopState
    from rota.turns.outcome import RunOrigin, conversation_of, settled_as, unstopped_of
    from workflows.run_kit import desk, visibility
    from workflows.run_kit.locks import Locks
    from workflows.run_kit.sessions import Sessions
    from workflows.run_kit.standing import Standing


class Ending(Protocol):
    """A run that has come to its end: `RunKit`."""

    loop: LoopState

    @property
    def admitted(self) -> Admitted | None:
        """The keeper's newest answer, if there was one."""
        ...


class Settling:
    """The end of one run.

    Args:
        run: The run.
        origin: Who it is.
        standing: Where it is told.
        sessions: What may still work for it.
        locks: What it may still hold.
        result: What it tells the outside of a given end.
    """

    def __init__(
        self,
        run: Ending,
        origin: RunOrigin,
        standing: Standing,
        sessions: Sessions,
        locks: Locks,
        result: Callable[[Finish], AgentRunResult],
    ) -> None:
        self._run = run
        self._origin = origin
        self._standing = standing
        self._sessions = sessions
        self._locks = locks
        self._result = result

    async def settle(self, finish: Finish) -> AgentRunResult:
        """Stop what still works, report the end, publish the events, give back the locks.

        Safe to repeat.

        Locks are given back on every path, and last: whoever gets one next finds this run's
        effects recorded and told.
        """
        self._standing.status = finish.status
        try:
            await self._sessions.stop()
            result = await self._report(finish)
            visibility.show_result(result)
            await desk.announce(self._origin, result.events)
        except (asyncio.CancelledError, FailureError):
            await self._locks.release()
            raise
        # Not `finally`: a run that is dropped from memory has no workflow to do it in.
        await self._locks.release()
        untold = await self._standing.telling.ended(result.status, result.reason, result.links)
        result = result.model_copy(update={"untold": untold})
        if untold:
            # Who was cancelled leaves no other result.
            visibility.note_result(result)
        return result

    async def _report(self, finish: Finish) -> AgentRunResult:
        """Tell the keeper how the run ended: memory, usage, events, lease."""
        result, loop, admission = self._result(finish), self._run.loop, self._admission
        if self._closed_by_keeper(finish):
            return result
        # Also without an answer to the admission: it may have been given and not heard.
        succeeded = finish.status is RunStatus.SUCCEEDED
        settled = await desk.report(
            self._origin,
            result,
            loop.patches if succeeded else (),
            unstopped_of(self._origin, admission, loop, workflow.now()),
            conversation_of(admission, loop),
            team=admission.spec.account_team if admission else None,
            tally=loop.tally,
        )
        self._standing.telling.repeated = settled.repeated
        self._run.loop = loop.model_copy(update={"usage": loop.usage.plus(settled.unknown)})
        finish = settled_as(finish, settled)
        self._standing.status = finish.status
        return self._result(finish).model_copy(update={"memory": settled.memory})

    def _closed_by_keeper(self, finish: Finish) -> bool:
        """True if the keeper itself has turned the run away: it knows how it ended."""
        admission = self._admission
        turned_away = admission is not None and admission.decision is Decision.SKIP
        return turned_away and finish.status is RunStatus.SKIPPED

    @property
    def _admission(self) -> Admission | None:
        admitted = self._run.admitted
        return admitted.admission if admitted else None
