"""How a session is started once, whatever becomes of the worker that starts it.

Activity side. A mark is on record before the call and the session after it. Whoever finds a
mark without a session starts it with the same key where that starts nothing twice, looks for
it where it can be found, and else leaves it alone.
"""

import logging
from contextlib import AbstractAsyncContextManager, nullcontext

from activities.breaker_gate import BreakerGate
from activities.safekeeping import kept
from activities.sessions.faults import final, foreseen, lost_start
from activities.sessions.log import SessionLog
from activities.sessions.request import SessionTask
from rota.failures import FailureCategory, StepError
from rota.runtimes.session import ProviderSession, SessionRuntime

SUBMIT = "submit"
"""What the marks of a start are called in the log."""

_log = logging.getLogger("rota.sessions")


class SessionStarts:
    """Starts sessions, as far as the runtimes' breakers let them."""

    def __init__(self, gate: BreakerGate) -> None:
        self._gate = gate

    async def start(
        self, log: SessionLog, task: SessionTask, runtime: SessionRuntime
    ) -> ProviderSession:
        """Start the session, or find the one that an earlier attempt has started.

        Raises:
            StepError: `outcome_unknown`, it may have been started and cannot be found; or the
                runtime's own.
            ApplicationError: `runtime_held`, the runtime's breaker is open.
        """
        again = await log.marks(1, SUBMIT)
        found = None
        if again and not task.promises.idempotent_start:
            if not task.promises.find:
                raise lost_start(task)
            with foreseen(f"{task.kind.kind}: looking for the session failed"):
                found = await runtime.find(task.request)
        if found is None:
            found = await self._submitted(log, task, runtime)
        session = found
        first = await kept(lambda: log.start(session))
        has_ended = await kept(log.has_ended)
        if not has_ended:
            await kept(lambda: log.clear(1, SUBMIT))
        if has_ended or first.id != session.id:
            # This attempt was taken for dead: the one after it has started another, or the run
            # has ended, and who stopped it may have looked before there was one.
            stopped = await runtime.cancel(session, task.request.settings)
            _log.warning(
                "%s: session %s is one too many: %s", task.request.run_id, session.id, stopped
            )
        return first

    async def _submitted(
        self, log: SessionLog, task: SessionTask, runtime: SessionRuntime
    ) -> ProviderSession:
        async with self._passing(task):
            await kept(lambda: log.mark(1, SUBMIT))
            if await kept(log.has_ended):
                await kept(lambda: log.unmark(1, SUBMIT))
                raise final(FailureCategory.LIMIT_REACHED, "the run has ended: nothing is started")
            try:
                with foreseen(f"{task.kind.kind}: the start failed"):
                    return await runtime.submit(task.request)
            except StepError as error:
                if not error.maybe_billed:
                    await kept(lambda: log.unmark(1, SUBMIT))
                raise

    def _passing(self, task: SessionTask) -> AbstractAsyncContextManager[None]:
        if task.settings.is_one_call:
            return nullcontext()  # nobody is asked before it is watched
        return self._gate.passing(task.kind.kind, task.settings.account)

    async def lost(self, task: SessionTask, runtime: SessionRuntime) -> ProviderSession | None:
        """The session whose start nobody saw the end of, to be stopped; None if there is none.

        Raises:
            StepError: `outcome_unknown`, it cannot be found.
        """
        with foreseen(f"{task.kind.kind}: looking for the session failed"):
            if task.promises.find:
                return await runtime.find(task.request)
            if task.promises.idempotent_start:
                # Its name is only told by starting it, which starts nothing twice.
                return await runtime.submit(task.request)
        raise lost_start(task)
