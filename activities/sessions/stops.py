"""How a session is stopped, and what is known afterwards of what it has used.

Activity side. One whose start nobody saw the end of is looked for first; one that is still being
started is stopped by whoever starts it. Nothing is known to be stopped that did not say so.
"""

from collections.abc import Awaitable, Callable

from activities.bells import bell_of, done_with
from activities.safekeeping import kept
from activities.secrets import Secrets
from activities.sessions.calls import SessionCalls
from activities.sessions.faults import foreseen
from activities.sessions.log import SessionLog
from activities.sessions.request import SessionTask, session_task
from activities.sessions.starts import SUBMIT, SessionStarts
from activities.sessions.turns import spent
from activities.stores.base import ObjectStore
from activities.toolbox import Toolbox
from rota.runtimes.session import SessionRuntime
from rota.steps import SessionInput, SessionStopped
from rota.usage import Usage

NEVER_STARTED = "it was never started"


class SessionStops:
    """Stops sessions.

    Args:
        store: Where the runs' records are.
        starts: Looks for a session whose start was lost.
        runtime: Gives the session runtime of a kind.
        toolbox: What tasks are put together from.
    """

    def __init__(
        self,
        store: ObjectStore,
        starts: SessionStarts,
        runtime: Callable[[str], Awaitable[SessionRuntime]],
        toolbox: Toolbox,
    ) -> None:
        self._store = store
        self._starts = starts
        self._runtime = runtime
        self._toolbox = toolbox

    async def stop(self, input: SessionInput) -> SessionStopped:
        """Stop the run's session, and look whether it has stopped.

        Raises:
            StepError: the runtime's own; `outcome_unknown`, it may have been started and cannot
                be found.
        """
        log = SessionLog(self._store, input.run)
        session = input.session
        if session is None:
            # Before any look: whoever still starts one finds this, or is found.
            await kept(log.end)
            session = await log.handle()
        if session is None and not await log.marks(1, SUBMIT):
            return SessionStopped(confirmed=True, text=NEVER_STARTED)
        task = await session_task(self._store, self._toolbox, input)
        runtime = await self._runtime(task.kind.kind)
        if session is None:
            session = await self._starts.lost(task, runtime)
        if session is None:
            return SessionStopped(confirmed=True, text=NEVER_STARTED)
        with foreseen(f"{session.kind}: stopping failed"):
            stopped = await runtime.cancel(session, task.request.settings)
        await done_with(bell_of(self._store, task.settings, session, task.request))
        if task.settings.is_one_call:
            stopped = await SessionCalls(log, runtime, session).confirmed(stopped)
        usage = Usage()
        if stopped.usage is not None:
            model = task.spec.runtime.model or session.kind
            usage = spent(task, session, input.counted, stopped.usage, model).usage
            if not task.settings.is_one_call:
                # The looks that were cut off have watched what is counted here.
                await kept(lambda: log.clear_looks(input.turn))
        elif session.told:
            usage = await _untold(input, task, log)
        # What a service was given, it may show again.
        text = Secrets().redact(stopped.text)
        return SessionStopped(confirmed=stopped.confirmed, text=text, usage=usage, session=session)


async def _untold(input: SessionInput, task: SessionTask, log: SessionLog) -> Usage:
    """What a session may have used that tells nothing: at most all that its run might spend."""
    looks = await log.looks(input.turn)
    if not looks and task.settings.is_one_call and not task.promises.reattach:
        return Usage()  # its looks are the work, and there was none
    most = input.allowance
    return Usage(
        # A look that was cut off is counted as an attempt where the run's end is.
        unknown_attempts=0 if looks else 1,
        unknown_micros=max(0, most.micros or 0),
        unknown_tokens=max(0, most.tokens or 0),
    )
