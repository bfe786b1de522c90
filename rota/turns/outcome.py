"""From how a run ended to what is told of it: its result and its settlement."""

from datetime import datetime
from typing import Any

from rota.agent_spec import Continuing
from rota.conversation import StopReason
from rota.coordination.lineage import Lineage
from rota.failures import FailureCategory
from rota.keepers.admission import (
    Admission,
    ConversationRef,
    KeyOutcome,
    RunRef,
    Settled,
    Settlement,
    Unstopped,
)
from rota.metrics.run_tally import RunTally
from rota.model import Record
from rota.runs import AgentRunResult, EventRecord, RunStatus, Trigger
from rota.turns.calls import AnswerRef
from rota.turns.loop import Finish, LoopState


class RunOrigin(Record):
    """Who a run is and why it exists."""

    agent: str
    run: RunRef
    trigger: Trigger
    slot: datetime | None = None
    schedule_id: str | None = None
    """The schedule that started it, if one did."""
    lineage: Lineage | None = None
    by: str = ""
    """Who asks for it, if a person does."""
    began: datetime | None = None
    """When the work began that it is part of, once its keeper has said so."""

    @property
    def bound(self) -> datetime | None:
        """The run must end by then for the sake of whatever started it."""
        return self.lineage.deadline if self.lineage else None


def result_of(
    origin: RunOrigin,
    admission: Admission | None,
    loop: LoopState,
    finish: Finish,
    now: datetime,
) -> AgentRunResult:
    """Put together what the run tells the outside. `admission` is None if it never got one."""
    succeeded = finish.status is RunStatus.SUCCEEDED
    # A run that was skipped because another did the work hands that one's result on.
    answer = finish.answer if finish.status in (RunStatus.SUCCEEDED, RunStatus.SKIPPED) else None
    # A workflow id without a slot may be used again for another run: then the key tells.
    occasion = origin.run.id if origin.slot else origin.run.key
    return AgentRunResult(
        agent=origin.agent,
        run_id=origin.run.id,
        status=finish.status,
        trigger=origin.trigger,
        slot=origin.slot,
        covers=admission.covers if admission else None,
        session=admission.session if admission else "",
        reason=finish.reason,
        category=finish.category,
        turns=loop.turn,
        tool_calls=loop.tool_calls,
        usage=loop.usage,
        below=loop.below,
        by_model=loop.by_model,
        output=answer.output if answer else None,
        output_digest=answer.digest if answer else None,
        checks=finish.checks,
        transcript=loop.head,
        provider=provider_of(loop),
        links=loop.links,
        unstopped=loop.unstopped,
        runtime=runtime_of(admission, loop),
        fallback=loop.runtime,
        memory=admission.memory if admission else None,
        tainted=is_tainted(admission, loop),
        lineage=origin.lineage,
        events=tuple(
            EventRecord(
                id=f"{occasion}/{name}",
                name=name,
                at=now,
                payload=answer.digest if answer else None,
                tainted=is_tainted(admission, loop),
            )
            for name in (admission.spec.emits if admission and succeeded else ())
        ),
    )


def provider_of(loop: LoopState) -> str:
    """Where a provider works by itself: its page, or its id; empty if none does."""
    return (loop.session.url or loop.session.id) if loop.session else ""


def runtime_of(admission: Admission | None, loop: LoopState) -> str:
    """Kind of the runtime that was asked last; empty if none was."""
    if admission is None or not (loop.turn or loop.runtime or loop.session):
        return ""
    return admission.spec.runtimes[loop.runtime].kind


def settled_as(finish: Finish, settled: Settled) -> Finish:
    """The run's end as the ledger has it, for good: tell the same one."""
    if settled.status in (None, finish.status):
        return finish
    told = {"status": settled.status, "reason": settled.reason, "category": settled.category}
    return finish.model_copy(update=told)


def answer_of(digest: str | None, output: Any = None) -> AnswerRef | None:
    """The result of another run, to be handed on; None if it has none."""
    return AnswerRef(digest=digest, output=output) if digest is not None else None


def finish_of_joined(outcome: KeyOutcome, output: Any = None) -> Finish:
    """How a run ends that left its work to another with the same key.

    Args:
        outcome: The other run's end.
        output: Its result, if that is small enough to travel.
    """
    other, status = outcome.run.id, outcome.status
    if status in (RunStatus.SUCCEEDED, RunStatus.SKIPPED):
        reason = f"{other} did it: same key"
        if status is RunStatus.SKIPPED:
            # Of the joined run itself when nobody may work for the key any more.
            own = outcome.run.key == outcome.waiter.key
            reason = outcome.reason if own else f"{other} has the same key: {outcome.reason}"
        answer = answer_of(outcome.output, output)
        return Finish(status=RunStatus.SKIPPED, reason=reason, answer=answer)
    because = f": {outcome.reason}" if outcome.reason else ""
    return Finish(
        status=RunStatus.FAILED,
        reason=f"{other}, which did it for the same key, ended as {status.value}{because}",
        category=outcome.category or FailureCategory.UPSTREAM,
    )


def unstopped_of(
    origin: RunOrigin, admission: Admission | None, loop: LoopState, now: datetime
) -> Unstopped | None:
    """What the keeper is to remember of work that may still go on; None if none does."""
    if admission is None or not loop.unstopped:
        return None
    session = loop.session
    return Unstopped(
        run=origin.run,
        runtime=admission.spec.runtime_kind,
        session=session.id if session else "",
        url=session.url if session else "",
        data=session.data if session else {},
        text=loop.unstopped,
        at=now,
    )


def conversation_of(admission: Admission | None, loop: LoopState) -> ConversationRef | None:
    """What the session's next run goes on from, if this one succeeds; None leaves it as it is.

    A run that handed its work over said no last word, and its calls stay unanswered there:
    nobody could go on from that.
    """
    if admission is None or admission.spec.continuing is not Continuing.SAME:
        return None
    if loop.head is None or loop.stop is not StopReason.END_TURN:
        return None
    return ConversationRef(
        head=loop.head, tokens=loop.conversation_tokens, tainted=is_tainted(admission, loop)
    )


def is_tainted(admission: Admission | None, loop: LoopState) -> bool:
    """True if the run has read what others may have written, or began with such."""
    return loop.tainted or (admission is not None and admission.tainted)


def settlement_of(
    run: RunRef,
    result: AgentRunResult,
    unstopped: Unstopped | None = None,
    conversation: ConversationRef | None = None,
    tally: RunTally | None = None,
) -> Settlement:
    """What the run reports to its keeper."""
    return Settlement(
        run=run,
        status=result.status,
        reason=result.reason,
        category=result.category,
        turns=result.turns,
        tool_calls=result.tool_calls,
        usage=result.usage,
        by_model=result.by_model,
        output=result.output_digest,
        base_memory=result.memory,
        conversation=conversation if result.status is RunStatus.SUCCEEDED else None,
        unstopped=unstopped,
        events=result.events,
        tainted=result.tainted,
        tally=tally or RunTally(),
    )
