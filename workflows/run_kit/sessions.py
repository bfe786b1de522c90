"""A run whose thinking a provider does by itself: one session, turn by turn.

A turn is one stop of the session: it asks for tools, for a decision, or it has ended. The
provider's name for it is in history before anybody waits for it, and whatever ends the run
while it works also stops it.
"""

import asyncio
from datetime import timedelta
from typing import Any, Protocol

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.interface import SessionRunning
    from rota.approvals.requests import ApprovalRequest, Ruling, Verdict
    from rota.conversation import StopReason
    from rota.failures import MESSAGE_LIMIT
    from rota.runtimes.session import Asked, SessionState
    from rota.steps import AnswerInput, Observed, SessionInput, SessionStopped
    from rota.turns.loop import LoopState, Think, TurnOutcome
    from rota.turns.questions import Question, QuestionKind
    from workflows.run_kit import visibility
    from workflows.run_kit.approvals import Approvals
    from workflows.run_kit.clock import RunClock
    from workflows.run_kit.questions import Questions
    from workflows.run_kit.standing import Standing
    from workflows.run_kit.work import RunWork
    from workflows.session_options import (
        PATIENCE_ROOM,
        observe_options,
        session_options,
        stop_options,
    )


class Working(Protocol):
    """A run at work: `RunKit`."""

    loop: LoopState
    clock: RunClock
    questions: Questions
    approvals: Approvals

    @property
    def work(self) -> RunWork:
        """What the next step is told."""
        ...


class Sessions:
    """The provider's session of one run.

    It writes into the run's loop as soon as anything is known, so that whatever ends the run
    in between knows what there is to stop.
    """

    def __init__(self, run: Working, standing: Standing) -> None:
        self._run = run
        self._standing = standing
        self._is_submitted = False
        """True once a session may exist."""

    async def think(self, step: Think) -> TurnOutcome:
        """Let the session work until it stops."""
        loop = self._run.loop
        if loop.session is None:
            await self._submit(step)
        session = self._run.loop.session
        assert session is not None
        if not session.told or loop.results or step.repair or loop.capped:
            told = {"results": loop.results, "repair": step.repair, "more": loop.capped}
            await self._answer(step.turn, told)
            self._keep(capped=False)
        observed, look = await self._watch(step)
        if observed.state is SessionState.ENDED:
            outcome = await self._collect(step, look)
            self._keep(session_ended=True)
            return outcome
        assert observed.outcome is not None
        if observed.state is SessionState.QUESTION:
            told = await self._decide(observed.questions)
            self._keep(head=observed.outcome.head)
            # Told after this turn's end, so it is in the transcript of the next one.
            await self._answer(step.turn + 1, {**told, "asked": look})
            return observed.outcome.model_copy(update={"stop": StopReason.PAUSED})
        self._keep(capped=observed.state is SessionState.CAPPED)
        return observed.outcome

    async def stop(self) -> None:
        """Stop a session that has not ended by itself; safe to repeat.

        What it used until then is counted. If nobody can say that it has stopped, the run's
        loop says why.
        """
        loop = self._run.loop
        if loop.session_ended or (loop.session is None and not self._is_submitted):
            return
        workflow.set_current_details("**stopping the provider's session**")
        where = _where(loop)
        told = {**self._fields(loop.turn + 1), "allowance": self._run.work.at_stake}
        try:
            stopped = await workflow.execute_activity_method(
                SessionRunning.cancel_session,
                SessionInput.model_validate(told),
                summary=f"stop {where}",
                **stop_options(self._run.work.spec),
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            cause = error.cause or error
            stopped = SessionStopped(confirmed=False, text=f"{where} was not stopped: {cause}")
        self._keep(
            session=stopped.session or loop.session,
            session_ended=True,
            usage=loop.usage.plus(stopped.usage),
            unstopped="" if stopped.confirmed else stopped.text[:MESSAGE_LIMIT],
        )

    async def _submit(self, step: Think) -> None:
        work = self._run.work
        self._is_submitted = True

        async def submit() -> None:
            started = await workflow.execute_activity_method(
                SessionRunning.submit_session,
                SessionInput(**self._fields(step.turn)),
                summary=f"start {work.spec.runtime_kind}",
                **session_options(
                    work.spec,
                    work.remaining,
                    work.admission.fairness_key,
                    seen_to_its_end=True,
                ),
            )
            self._keep(session=started.session)

        # Gathered: awaited alone, a request to cancel would be lost once the step succeeds.
        await asyncio.gather(submit())
        visibility.show_step(step, work.admission, self._run.loop)

    async def _answer(self, turn: int, told: dict[str, Any]) -> None:
        work = self._run.work
        self._keep(session_ended=False)

        async def answer() -> None:
            started = await workflow.execute_activity_method(
                SessionRunning.answer_session,
                AnswerInput.model_validate({**self._fields(turn), **told}),
                summary=f"tell {_where(work.loop)}",
                **session_options(
                    work.spec,
                    work.remaining,
                    work.admission.fairness_key,
                    seen_to_its_end=True,
                ),
            )
            self._keep(session=started.session)

        await asyncio.gather(answer())

    async def _watch(self, step: Think) -> tuple[Observed, int]:
        """Watch until there is something to do; returns also which look has seen it."""
        look, waiting = 1, ""
        while True:
            observed = await self._look(step, look, waiting)
            self._keep(cursor=observed.cursor)
            if observed.state is not SessionState.PERSON:
                return observed, look
            look, waiting = look + 1, observed.waiting

    async def _look(self, step: Think, look: int, waiting: str) -> Observed:
        work = self._run.work
        remaining = work.remaining
        if waiting:
            remaining = timedelta(seconds=work.admitted.patience_seconds) + PATIENCE_ROOM
            if work.origin.bound is not None:
                remaining = min(remaining, work.origin.bound - workflow.now())
        watching = workflow.execute_activity_method(
            SessionRunning.observe_session,
            SessionInput(**self._fields(step.turn, look, bool(waiting))),
            summary=f"turn {step.turn} · {_where(work.loop)}",
            **observe_options(
                work.spec, remaining, workflow.info().task_queue, work.admission.fairness_key
            ),
        )
        if not waiting:
            return await watching
        # What a person takes is no time of the run's.
        still = self._run.clock.still(watching)
        observed = await self._standing.wait_through("person", waiting, still)
        self._standing.resume()
        visibility.show_step(step, work.admission, self._run.loop)
        return observed

    async def _collect(self, step: Think, look: int) -> TurnOutcome:
        work = self._run.work
        return await workflow.execute_activity_method(
            SessionRunning.collect_session,
            SessionInput(**self._fields(step.turn, look)),
            summary=f"answer of {_where(work.loop)}",
            **session_options(work.spec, work.remaining, work.admission.fairness_key),
        )

    async def _decide(self, asked: tuple[Asked, ...]) -> dict[str, Any]:
        """Ask people all that the session asks, at once; what it is told, and who says so."""
        rulings: dict[str, Ruling] = {}
        work = self._run.work
        patience = timedelta(seconds=work.admitted.patience_seconds)

        async def decide(each: Asked) -> str:
            if each.allowed:
                return ""
            if each.approval is not None:
                ruling = rulings[each.id] = await self._ruling(each.approval)
                return "" if ruling.verdict is Verdict.APPROVE else ruling.shown
            question = Question(
                asker=work.spec.runtime_kind, kind=QuestionKind.CONFIRM, text=each.text
            )
            answer = await self._run.questions.ask(question, patience)
            if answer.value is True and not answer.declined:
                return ""
            by = f" by {answer.by}" if answer.by else ""
            return f"denied{by}: {answer.note}" if answer.note else f"denied{by}"

        answers = await asyncio.gather(*(decide(each) for each in asked))
        decisions = {each.id: answer for each, answer in zip(asked, answers, strict=True)}
        return {"decisions": decisions, "rulings": rulings}

    async def _ruling(self, request: ApprovalRequest) -> Ruling:
        """Ask for an approval as the agent declares it."""
        work = self._run.work
        patience = timedelta(seconds=work.admitted.patience_seconds)
        requester = work.admission.requester
        return await self._run.approvals.ask(request, requester, patience=patience)

    def _fields(self, turn: int, look: int = 1, waiting: bool = False) -> dict[str, Any]:
        work = self._run.work
        return {
            **work.step_fields(),
            "turn": turn,
            "look": look,
            "waiting": waiting,
            "session": work.loop.session,
            "cursor": work.loop.cursor,
            "counted": work.loop.usage,
            "deadline": work.deadline,
            "allowance": work.room,
        }

    def _keep(self, **changes: Any) -> None:
        self._run.loop = self._run.loop.model_copy(update=changes)


def _where(loop: LoopState) -> str:
    """Names a session in a summary: short, and enough to find it."""
    session = loop.session
    return "the session" if session is None else f"{session.kind} {session.id[:60]}"
