"""One look at a session: watched from where the last one ended until there is something to do.

Activity side. Rules for every runtime alike: silence ends it, a wait for a person is no
silence, and a runtime that cannot take up its watching is not asked twice.
"""

import asyncio
from contextlib import AbstractAsyncContextManager, nullcontext, suppress

from activities.bells import Bell, listening
from activities.breaker_gate import BreakerGate
from activities.providers.called import waits_of
from activities.safekeeping import kept
from activities.secrets import Secrets
from activities.sessions.calls import SessionCalls
from activities.sessions.faults import final, foreseen, lost_look
from activities.sessions.log import SessionLog
from activities.sessions.request import SessionTask
from activities.sessions.watch import Left, Watch
from rota.conversation import Message
from rota.failures import FailureCategory, StepError
from rota.language.durations import format_duration
from rota.runtimes.session import Observation, ProviderSession, SessionRuntime, SessionState
from rota.steps import SessionInput


class SessionLook:
    """Look `input.look` of turn `input.turn`.

    Args:
        input: What the step was told.
        task: The run's task.
        session: The session to be watched.
        runtime: Who watches it.
        log: The run's record.
        gate: Counts how it goes, and may hold back what is no look but the work itself.
        bell: Rings when the provider calls; None: it does not.
    """

    def __init__(
        self,
        input: SessionInput,
        task: SessionTask,
        session: ProviderSession,
        runtime: SessionRuntime,
        log: SessionLog,
        gate: BreakerGate,
        bell: Bell | None = None,
    ) -> None:
        self._input = input
        self._task = task
        self._session = session
        self._runtime = runtime
        self._log = log
        self._gate = gate
        self._bell = bell
        self._calls = SessionCalls(log, runtime, session)

    async def see(self, watch: Watch) -> Observation:
        """Watch until the session ends or needs something.

        Raises:
            StepError: the runtime's own; `outcome_unknown` if the work may have been done
                and cannot be taken up.
            ApplicationError: `timeout`, final: nothing was heard for too long; `runtime_held`,
                final, if watching makes the call and the runtime's breaker is open.
        """
        if self._task.promises.reattach:
            async with self._counted(), self._recorded(), listening(self._bell):
                return await self._watched(watch)
        turn, mark = self._input.turn, f"look-{self._input.look}"
        if not self._task.is_repeatable and await self._log.marks(turn, mark):
            await self._calls.give_up()
            raise lost_look(self._session)
        try:
            async with self._counted(), self._recorded():
                await kept(lambda: self._log.mark(turn, mark))
                return await self._watched(watch)
        except StepError as error:
            if not error.maybe_billed:
                await kept(lambda: self._log.unmark(turn, mark))
            elif error.category.retryable and not self._task.is_repeatable:
                raise lost_look(self._session, str(error)) from error
            raise

    def _counted(self) -> AbstractAsyncContextManager[None]:
        settings = self._task.settings
        through = self._gate.passing if settings.is_one_call else self._gate.watching
        return through(self._session.kind, settings.account)

    def _recorded(self) -> AbstractAsyncContextManager[None]:
        if not self._task.settings.is_one_call:
            return nullcontext()
        return self._calls.making(self._input.turn, self._input.look)

    async def _watched(self, watch: Watch) -> Observation:
        input, settings = self._input, self._task.settings
        limit = settings.patience if input.waiting else settings.inactivity
        leave = input.waiting and self._task.promises.reattach
        resumed = await self._log.resumed(input.turn, input.head)
        request = self._task.request.model_copy(update={"resumed": resumed})
        waits = waits_of(self._bell, settings)
        watch.listen()
        while True:
            looking = self._runtime.observe(self._session, request, watch.cursor, watch.report)
            with foreseen(f"{self._session.kind}: watching failed"):
                found = await watch.see(looking, limit, until_moved=leave)
            if found is Left.SILENT:
                raise self._silence(watch)
            if found is Left.MOVED:
                nothing = Message(role="assistant", content=())
                return Observation(state=SessionState.PERSON, message=nothing, cursor=watch.cursor)
            # What a service was given, it may show again.
            found = Secrets().cut_out(found)
            if found.state is not SessionState.PERSON:
                return found
            found = found.model_copy(update={"waiting": found.waiting or "a person"})
            if not input.waiting:
                return found
            # Still the same wait, of which the run knows.
            watch.cursor, watch.text = found.cursor or watch.cursor, found.waiting or watch.text
            with suppress(TimeoutError):
                async with asyncio.timeout(watch.left(limit)):
                    await waits.pause()

    def _silence(self, watch: Watch) -> Exception:
        settings, kind = self._task.settings, self._session.kind
        if self._input.waiting:
            waited = format_duration(settings.patience)
            text = f"nobody acted on {kind}'s side for {waited} (runtime.patience)"
        else:
            silent = format_duration(settings.inactivity)
            text = f"no sign of progress from {kind} for {silent} (runtime.inactivity)"
        return final(FailureCategory.TIMEOUT, f"{text}; last seen: {watch.text}")
