"""`compact_conversation`: a conversation that has grown too long is summed up, paid for once.

Before the first turn of a run that goes on with it. The summary is a node of the run's own
transcript: its cost is the run's, and only a run that succeeds hands it on.
"""

from temporalio import activity

from activities.asked_runtime import asked_runtime
from activities.breaker_gate import BreakerGate
from activities.continued import begin_anew, earlier_turns, shorter_next_time, too_long_told
from activities.documents import get_context, get_spec, messages_of
from activities.heartbeat import heartbeating
from activities.interface import Compacting
from activities.mcp.tools import with_pins
from activities.model_calls import ModelCall, ModelCalls, ModelRuntimes
from activities.paid_calls import SUMMARY, PaidCalls
from activities.step_errors import translated
from activities.stores.base import ObjectStore
from activities.toolbox import Toolbox
from activities.turn_tools import offered_tools
from rota.conversation import Message, ModelReply, ModelRequest, StopReason, Text
from rota.model import content_digest
from rota.steps import CompactInput
from rota.turns.loop import TurnOutcome
from rota.turns.prompt import compacting_message, system_of
from rota.turns.transcript import RunContext, TranscriptNode


class CompactingActivities(Compacting):
    """Has conversations summed up by the runtime that goes on with them."""

    def __init__(
        self, store: ObjectStore, runtimes: ModelRuntimes, toolbox: Toolbox, gate: BreakerGate
    ) -> None:
        self._store = store
        self._calls = ModelCalls(store, runtimes, gate)
        self._toolbox = toolbox

    @activity.defn(name="compact_conversation")
    async def compact_conversation(self, input: CompactInput) -> TurnOutcome:
        """Sum up what the session's earlier runs said.

        Raises:
            ApplicationError: as of a turn. A summary that is none is an outcome: it has its cost.
        Idempotency: the summary is recorded under the run before this returns; a later
            attempt finds it and calls nobody.
        Heartbeat: at its agent's pace.
        """
        async with heartbeating("summing up the conversation"):
            with translated(input):
                return await self._sum_up(input)

    async def _sum_up(self, input: CompactInput) -> TurnOutcome:
        context = await get_context(self._store, input.context)
        spec = await get_spec(self._store, context.spec.digest)
        asks = asked_runtime(spec, input)
        paid = PaidCalls(self._store, input.run, SUMMARY, input.round)
        asked = content_digest([input.runtime, context.conversation, "summary"])
        recorded = await self._calls.recorded(paid, asked)
        if recorded is not None:
            return _outcome(*recorded, context)
        earlier = await earlier_turns(self._store, input, context)
        toolbox = await with_pins(self._store, self._toolbox, input.pins)
        question = compacting_message()
        request = ModelRequest(
            settings=asks.settings,
            # As in a turn, tools too: the prefix is the one that providers have cached.
            system=system_of(spec),
            messages=(*messages_of(earlier), question),
            tools=offered_tools(spec, toolbox),
            turn=SUMMARY,
        )

        def node_of(reply: ModelReply) -> TranscriptNode:
            words = "\n\n".join(b.text for b in reply.message.content if isinstance(b, Text))
            return TranscriptNode(
                parent=context.conversation,
                context=input.context,
                turn=SUMMARY,
                added=(question,),
                # Its words alone: a call that it makes nevertheless is nobody's to answer.
                reply=Message(role="assistant", content=(Text(text=words),)),
                stop=reply.stop,
                usage=reply.usage,
                model=reply.model,
                request_id=reply.request_id,
                details=reply.details,
                sums_up=True,
            )

        call = ModelCall(
            input=input,
            spec=context.spec,
            asks=asks,
            session=context.session,
            asked=asked,
            request=request,
            earlier=earlier,
            added=(question,),
        )
        with too_long_told(context):
            head, node = await self._calls.make(call, paid, node_of)
        return _outcome(head, node, context)


def _outcome(head: str, node: TranscriptNode, context: RunContext) -> TurnOutcome:
    """What the summary came to. It is paid for, be it one that nobody can go on from."""
    unusable = ""
    if node.stop is not StopReason.END_TURN or not node.reply.text.strip():
        why = f"{node.stop.value} {node.details}".strip()
        unusable = f"the model stopped with {why}; {_cure(node.stop, context)}"
    return TurnOutcome(
        head=head,
        stop=node.stop,
        usage=node.usage,
        model=node.model,
        # What the next run begins with is the summary, not what it was made of.
        conversation_tokens=node.usage.output_tokens,
        unusable=unusable,
    )


def _cure(stop: StopReason, context: RunContext) -> str:
    """How to go on where every later run would fail the same way."""
    match stop:
        case StopReason.MAX_TOKENS:
            return f"raise runtime.max_output_tokens, or {begin_anew(context)}"
        case StopReason.CONTEXT_OVERFLOW:
            return shorter_next_time(context)
        case _:
            return begin_anew(context)
