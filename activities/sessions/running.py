"""`submit_session` to `cancel_session`: work that a provider does by itself, started once.

Start and watching are activities of their own: the provider's id is in history before
anybody waits. Each of them records what it came to before it ends, see `log`.
"""

import asyncio
from typing import Protocol

from temporalio import activity

from activities.bells import bell_of, done_with
from activities.breaker_gate import BreakerGate
from activities.documents import get_results
from activities.heartbeat import beating, heartbeating
from activities.interface import SessionRunning
from activities.safekeeping import kept
from activities.secrets import Secrets
from activities.sessions.faults import counting, foreseen
from activities.sessions.log import SessionLog
from activities.sessions.log import Told as Recorded
from activities.sessions.looks import SessionLook
from activities.sessions.questions import judged, must_be_allowed
from activities.sessions.request import SessionTask, session_task
from activities.sessions.starts import SessionStarts
from activities.sessions.stops import SessionStops
from activities.sessions.turns import SessionTurns
from activities.sessions.watch import Watch, to_its_end
from activities.step_errors import translated
from activities.stores.base import ObjectStore
from activities.toolbox import Toolbox
from rota.conversation import Message, Text
from rota.failures import FailureCategory, StepError
from rota.model import content_digest
from rota.runtimes.session import (
    Collected,
    ProviderSession,
    SessionRuntime,
    SessionState,
    Told,
)
from rota.spans import Operation
from rota.steps import AnswerInput, Observed, SessionInput, SessionStarted, SessionStopped
from rota.turns.loop import TurnOutcome
from rota.turns.prompt import repair_message

GO_ON = Message(
    role="user", content=(Text(text="There is more to spend: go on where you stopped."),)
)
"""What a session is told that has stopped at its cap."""


class SessionRuntimes(Protocol):
    """Gives the session runtime of a kind. Called in a thread: the first call takes seconds."""

    def session(self, kind: str) -> SessionRuntime:
        """Return the one instance for `kind`.

        Raises:
            StepError: no such runtime on this worker.
        """
        ...


class SessionRunningActivities(SessionRunning):
    """Steps with whatever session runtime the agent names."""

    def __init__(
        self, store: ObjectStore, runtimes: SessionRuntimes, toolbox: Toolbox, gate: BreakerGate
    ) -> None:
        self._store = store
        self._gate = gate
        self._starts = SessionStarts(gate)
        self._stops = SessionStops(store, self._starts, self._runtime, toolbox)
        self._runtimes = runtimes
        self._toolbox = toolbox
        self._turns = SessionTurns(store)

    @activity.defn(name="submit_session")
    async def submit_session(self, input: SessionInput) -> SessionStarted:
        """Start the session.

        Raises:
            ApplicationError: type is the failure category; `outcome_unknown`, final, if an
                earlier attempt may have started one that cannot be found; `runtime_held`,
                final, if the runtime's breaker is open.
        Idempotency: the session is on record before this returns, and a later attempt finds
            it. Before that, an attempt leaves a mark: the next one asks the provider with
            the same key, or looks for the session, or does nothing.
        Heartbeat: at its agent's pace.
        """
        async with heartbeating("starting the session"):
            with translated(input):
                log = SessionLog(self._store, input.run)
                recorded = await log.handle()
                if recorded is not None:
                    return SessionStarted(session=recorded)
                task = await session_task(self._store, self._toolbox, input)
                runtime = await self._runtime(task.kind.kind)
                session = await to_its_end(self._starts.start(log, task, runtime))
                return SessionStarted(session=session)

    @activity.defn(name="observe_session")
    async def observe_session(self, input: SessionInput) -> Observed:
        """Watch until the session ends or needs something.

        Raises:
            ApplicationError: type is the failure category. `timeout`, final, if nothing was
                heard for `runtime.inactivity`; `runtime_held`, final, if watching makes the
                provider's only call and the runtime's breaker is open. Failures of the
                provider are counted from the last progress: a lost worker is none of them.
        Idempotency: what the look came to is on record before this returns. A runtime that
            cannot take up its watching is asked again only if its settings allow it.
        Heartbeat: at its agent's pace, and within a second of a new cursor: cursor, text,
            failures in a row. Resumed from the cursor.
        """
        details = activity.info().heartbeat_details
        watch = Watch.taken_up(input.cursor, "watching", details)
        async with beating(lambda: watch.details, lambda: watch.place), counting(input, watch):
            return await self._observe(input, watch)

    @activity.defn(name="answer_session")
    async def answer_session(self, input: AnswerInput) -> SessionStarted:
        """Tell the session its task, results of its calls, decisions, or what to mend.

        Raises:
            ApplicationError: type is the failure category; retryable as that says.
        Idempotency: what was told is on record before this returns; a later attempt without
            the record has the runtime look first.
        Heartbeat: at its agent's pace.
        """
        async with heartbeating("telling the session"):
            with translated(input):
                return SessionStarted(session=await self._tell(input))

    @activity.defn(name="collect_session")
    async def collect_session(self, input: SessionInput) -> TurnOutcome:
        """Read the answer of a session that has ended.

        Raises:
            ApplicationError: type is the failure category; retryable as that says.
        Idempotency: changes nothing at the provider; what it came to is recorded once.
        Heartbeat: at its agent's pace.
        """
        async with heartbeating("reading the answer"):
            with translated(input):
                return await self._collect(input)

    @activity.defn(name="cancel_session")
    async def cancel_session(self, input: SessionInput) -> SessionStopped:
        """Stop the session, and look whether it has stopped.

        One whose start nobody saw the end of is looked for first; one that is still being
        started is stopped by whoever starts it.

        Raises:
            ApplicationError: type is the failure category; retryable as that says.
        Idempotency: the runtime's own; stopping what has stopped changes nothing.
        Heartbeat: at its agent's pace.
        """
        async with heartbeating("stopping the session"):
            with translated(input):
                return await self._stops.stop(input)

    async def _runtime(self, kind: str) -> SessionRuntime:
        return await asyncio.to_thread(self._runtimes.session, kind)

    async def _observe(self, input: SessionInput, watch: Watch) -> Observed:
        log = SessionLog(self._store, input.run)
        seen = await log.seen(input.turn, input.look)
        if seen is not None:
            return seen.observed
        session = _session_of(input)
        task = await session_task(self._store, self._toolbox, input)
        runtime = await self._runtime(task.kind.kind)
        outcome = None
        with task.span(Operation.INVOKE_AGENT) as span:
            bell = bell_of(self._store, task.settings, session, task.request)
            look = SessionLook(input, task, session, runtime, log, self._gate, bell)
            found = await look.see(watch)
            if found.state in (SessionState.TOOLS, SessionState.QUESTION, SessionState.CAPPED):
                outcome = await kept(lambda: self._turns.has_stopped(input, task, session, found))
                span.turned(outcome)
        observed = Observed(
            state=found.state,
            cursor=found.cursor or watch.cursor,
            waiting=found.waiting,
            questions=await judged(self._store, task, found.questions),
            outcome=outcome,
        )
        return (await kept(lambda: log.see(input.turn, input.look, observed, found.final))).observed

    async def _tell(self, input: AnswerInput) -> ProviderSession:
        log = SessionLog(self._store, input.run)
        task = await session_task(self._store, self._toolbox, input)
        session = _session_of(input)
        told, words = await self._told(input, task, session)
        name = content_digest([told.model_dump(mode="json"), session.id])
        recorded = await log.told(input.turn, name)
        if recorded is not None:
            return recorded.session
        runtime = await self._runtime(task.kind.kind)
        again = activity.info().attempt > 1
        call = runtime.answer(session, task.request, told, again)
        with foreseen(f"{session.kind}: telling the session failed"):
            session = await to_its_end(call)
        record = Recorded(session=session, messages=words)
        await kept(lambda: log.tell(input.turn, input.look, name, record))
        return session

    async def _told(
        self, input: AnswerInput, task: SessionTask, session: ProviderSession
    ) -> tuple[Told, tuple[Message, ...]]:
        """What to tell it, and the same in words of the transcript."""
        if not session.told:
            opening = task.request.opening
            return Told(message=opening), (opening,)
        if input.decisions:
            await must_be_allowed(SessionLog(self._store, input.run), task, input)
            lines = (
                f"{asked}: {f'denied, {reason}' if reason else 'allowed'}"
                for asked, reason in sorted(input.decisions.items())
            )
            words = Message(role="user", content=(Text(text="\n".join(lines)),))
            return Told(decisions=input.decisions), (words,)
        if input.more:
            return Told(message=GO_ON, more=True), (GO_ON,)
        if input.repair:
            repair = repair_message(input.repair)
            return Told(message=repair), (repair,)
        results = await get_results(self._store, input.head or "", input.results)
        return Told(results=results), (Message(role="user", content=results),)

    async def _collect(self, input: SessionInput) -> TurnOutcome:
        log = SessionLog(self._store, input.run)
        recorded = await log.collected(input.turn)
        if recorded is not None:
            return recorded
        task = await session_task(self._store, self._toolbox, input)
        session = _session_of(input)
        end: Collected | None = await log.final(input.turn, input.look)
        with task.span(Operation.FETCH_RESPONSE) as span:
            if end is None:
                runtime = await self._runtime(task.kind.kind)
                with foreseen(f"{session.kind}: reading the answer failed"):
                    found = await runtime.collect(session, task.request, input.cursor)
                    end = Secrets().cut_out(found)
            ended = self._turns.has_ended
            outcome = await kept(lambda end=end: ended(input, task, session, end))
            span.turned(outcome)
        outcome = await kept(lambda outcome=outcome: log.collect(input.turn, outcome))
        await done_with(bell_of(self._store, task.settings, session, task.request))
        return outcome


def _session_of(input: SessionInput) -> ProviderSession:
    if input.session is None:
        raise StepError(FailureCategory.BUG, "there is no session yet: submit it first")
    return input.session
