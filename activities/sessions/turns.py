"""From what a session said to a turn of the transcript: its words, its use, its cost.

Activity side. A provider counts from the session's beginning; a turn has what came since
the last one, so that the run's sum is the provider's own figure, whoever else shares the
session.
"""

from dataclasses import dataclass

from activities.answers import check_answer
from activities.documents import get_node
from activities.pricing import price, price_table_version
from activities.sessions.log import SessionLog
from activities.sessions.request import SessionTask
from activities.stores.base import ObjectStore
from activities.turn_tools import call_refs
from rota.conversation import Message, StopReason
from rota.failures import FailureCategory, StepError
from rota.runtimes.session import Collected, Observation, ProviderSession, SessionState
from rota.steps import SessionInput
from rota.turns.calls import AnswerRef
from rota.turns.loop import TurnOutcome
from rota.turns.transcript import TranscriptNode, keyed
from rota.usage import Usage


@dataclass(frozen=True)
class Spent:
    """What a session has used since it was last counted."""

    usage: Usage
    prices: str = ""
    """As in `TranscriptNode`."""
    table_micros: int | None = None


def spent(
    task: SessionTask, session: ProviderSession, counted: Usage, total: Usage, model: str
) -> Spent:
    """Count what is new in `total`, all the session has used, and price it.

    The provider's own cost is preferred, and the table's kept beside it.
    """
    usage = total.minus(session.base).minus(counted.model_copy(update={"unknown_attempts": 0}))
    provider = task.kind.prices(task.settings)
    table, version = None, price_table_version()
    declared = task.spec.runtime.model
    if provider and usage.tokens:
        table = price(model, usage, provider)
        if table is None and declared and declared != model:
            table = price(declared, usage, provider)
            version = f"{version}, as {declared}"
    if total.cost_micros is not None:
        return Spent(usage, f"reported by {session.kind}", table)
    if not provider:
        return Spent(usage.model_copy(update={"cost_micros": None}))
    cost = table if usage.tokens else 0
    return Spent(usage.model_copy(update={"cost_micros": cost}), version)


class SessionTurns:
    """Writes a session's turns into the transcript. Safe to repeat: nodes are their content."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    async def has_stopped(
        self, input: SessionInput, task: SessionTask, session: ProviderSession, seen: Observation
    ) -> TurnOutcome:
        """The turn of a session that waits for results of tool calls, or for a decision.

        Raises:
            StepError: `outcome_invalid`, it waits for results and asks for none.
        """
        asks = seen.state is SessionState.TOOLS
        if asks and not seen.message.tool_calls:
            raise StepError(
                FailureCategory.OUTCOME_INVALID,
                f"{session.kind}: session {session.id} waits for results of tools, but names none",
                maybe_billed=True,
            )
        model = seen.model or task.spec.runtime.model or ""
        # Told at the end only: nothing is counted before.
        new = spent(task, session, input.counted, seen.usage, model) if seen.usage else None
        stop = StopReason.TOOL_CALLS if asks else StopReason.PAUSED
        node = await self._node(
            input, task, session, seen.message, stop, new or Spent(Usage()), model
        )
        head = await self._store.put(node.encode())
        # Calls beside a question are the provider's own, and none of ours to execute.
        asked = node.reply.tool_calls if asks else ()
        calls = await call_refs(self._store, task.spec, task.context, task.toolbox, asked, head)
        return TurnOutcome(head=head, stop=stop, calls=calls, usage=node.usage, model=model)

    async def has_ended(
        self, input: SessionInput, task: SessionTask, session: ProviderSession, end: Collected
    ) -> TurnOutcome:
        """The turn of a session that has given its answer, checked against what is promised."""
        model = end.model or task.spec.runtime.model or session.kind
        # Nobody tells: unpriced, which is not free.
        new = Spent(Usage(cost_micros=None))
        if end.usage is not None:
            new = spent(task, session, input.counted, end.usage, model)
        node = await self._node(input, task, session, end.message, end.stop, new, model)
        head = await self._store.put(node.encode())
        answer = None
        if end.stop is StopReason.END_TURN:
            answer = await self._answer(task, end)
        return TurnOutcome(
            head=head,
            stop=end.stop,
            answer=answer,
            usage=node.usage,
            links=end.links,
            model=model,
        )

    async def _answer(self, task: SessionTask, end: Collected) -> AnswerRef:
        answer = await check_answer(self._store, task.spec, end.message)
        if end.message.text.strip() or end.links:
            return answer
        return answer.model_copy(update={"problems": ("the answer is empty",)})

    async def _node(
        self,
        input: SessionInput,
        task: SessionTask,
        session: ProviderSession,
        reply: Message,
        stop: StopReason,
        new: Spent,
        model: str,
    ) -> TranscriptNode:
        log = SessionLog(self._store, input.run)
        lost = max(0, len(await log.marks(input.turn, f"look-{input.look}")) - 1)
        usage = new.usage.model_copy(update={"unknown_attempts": lost})
        added = await self._added(input, task, log)
        return TranscriptNode(
            parent=input.head or task.context.conversation,
            context=input.context,
            turn=input.turn,
            added=added,
            reply=keyed(reply, task.context, (*await self._said(input), *added)),
            stop=stop,
            usage=usage,
            model=model,
            prices=new.prices,
            table_micros=new.table_micros,
            session=session,
            pins=input.pins,
        )

    async def _added(
        self, input: SessionInput, task: SessionTask, log: SessionLog
    ) -> tuple[Message, ...]:
        """What it was told since the last turn; the task itself, if that came with the start."""
        told = await log.all_told(input.turn)
        if input.turn == 1 and task.request.opening not in told:
            return (task.request.opening, *told)
        return told

    async def _said(self, input: SessionInput) -> list[Message]:
        """What was said before in this run, in order."""
        said: list[Message] = []
        head = input.head
        while head is not None:
            node = await get_node(self._store, head)
            if node.context != input.context:
                break  # of an earlier run of the same conversation
            said = [*node.added, node.reply, *said]
            head = node.parent
        return said
