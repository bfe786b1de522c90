"""`invoke_model`: one turn of a conversation, paid for once."""

from typing import Any

from temporalio import activity

from activities.answers import check_answer
from activities.asked_runtime import asked_runtime
from activities.breaker_gate import BreakerGate
from activities.continued import earlier_turns, shorter_next_time, too_long_told
from activities.documents import (
    get_baseline,
    get_context,
    get_memory,
    get_results,
    get_spec,
    messages_of,
)
from activities.forking import begin_of
from activities.heartbeat import heartbeating
from activities.interface import Thinking
from activities.mcp.tools import with_pins
from activities.model_calls import ModelCall, ModelCalls, ModelRuntimes, answered
from activities.paid_calls import PaidCalls
from activities.step_errors import translated
from activities.stores.base import ObjectStore
from activities.toolbox import Toolbox
from activities.turn_tools import call_refs, offered_tools
from rota.agent_spec import AgentSpec
from rota.conversation import Message, ModelReply, ModelRequest, StopReason
from rota.model import content_digest
from rota.steps import TurnInput
from rota.turns.loop import TurnOutcome
from rota.turns.memory import MemoryVersion
from rota.turns.prompt import opening_message, repair_message, system_of
from rota.turns.transcript import RunContext, TranscriptNode, keyed, template_scope
from rota.what_if.forks import ForkBegin, first_messages


class ThinkingActivities(Thinking):
    """Takes turns with whatever runtime the agent names."""

    def __init__(
        self, store: ObjectStore, runtimes: ModelRuntimes, toolbox: Toolbox, gate: BreakerGate
    ) -> None:
        self._store = store
        self._calls = ModelCalls(store, runtimes, gate)
        self._toolbox = toolbox

    @activity.defn(name="invoke_model")
    async def invoke_model(self, input: TurnInput) -> TurnOutcome:
        """Take one turn.

        Raises:
            ApplicationError: type is the failure category; retryable as that says, unless
                another runtime takes over. Or type `runtime_held`: nobody was asked, since the
                runtime's breaker is open; or `over_allowance`: nor was anybody, since the turn
                might cost more than it may.
        Idempotency: the reply is recorded under (run, turn) before this returns; a later
            attempt finds it and calls nobody. A store that stumbles meanwhile is waited
            for, and what is wrong with an answer is final: neither buys it again.
        Heartbeat: at its agent's pace, with the turn's number.
        """
        async with heartbeating(f"turn {input.turn}"):
            with translated(input):
                return await self._turn(input)

    async def _turn(self, input: TurnInput) -> TurnOutcome:
        context = await get_context(self._store, input.context)
        spec = await get_spec(self._store, context.spec.digest)
        memory = await get_memory(self._store, context.memory)
        document = memory.document if memory else {}
        baseline = await get_baseline(self._store, context)
        fork = await begin_of(self._store, context)
        added = await self._added(input, context, memory, baseline, fork)
        toolbox = await with_pins(self._store, self._toolbox, input.pins)
        asks = asked_runtime(spec, input)
        paid = PaidCalls(self._store, input.run, input.turn, input.round)
        told = [m.model_dump(mode="json") for m in added]
        asked = content_digest([input.runtime, input.head, told])
        recorded = await self._calls.recorded(paid, asked)
        if recorded is not None:
            return await self._outcome(input, context, spec, toolbox, *recorded)
        earlier = await earlier_turns(self._store, input, context)
        request = ModelRequest(
            settings=asks.settings,
            system=system_of(spec),
            messages=(*messages_of(earlier), *added),
            tools=offered_tools(spec, toolbox),
            turn=input.turn + (fork.turns if fork else 0),
            context=template_scope(context, document, baseline),
        )

        def node_of(reply: ModelReply) -> TranscriptNode:
            return _node(input, context, earlier, added, reply, fork)

        call = ModelCall(
            input=input,
            spec=context.spec,
            asks=asks,
            session=context.session,
            asked=asked,
            request=request,
            earlier=earlier,
            added=added,
        )
        with too_long_told(context):
            head, node = await self._calls.make(call, paid, node_of)
        return await self._outcome(input, context, spec, toolbox, head, node)

    async def _added(
        self,
        input: TurnInput,
        context: RunContext,
        memory: MemoryVersion | None,
        baseline: Any,
        fork: ForkBegin | None,
    ) -> tuple[Message, ...]:
        """What the model has not been told yet."""
        if input.repair:
            return (repair_message(input.repair),)
        if input.turn == 1:
            return first_messages(opening_message(context, memory, baseline), fork)
        if input.head is None or not input.results:
            return ()
        results = await get_results(self._store, input.head, input.results)
        return (Message(role="user", content=results),)

    async def _outcome(
        self,
        input: TurnInput,
        context: RunContext,
        spec: AgentSpec,
        toolbox: Toolbox,
        head: str,
        node: TranscriptNode,
    ) -> TurnOutcome:
        with answered(input.turn):
            asked = node.reply.tool_calls
            calls = await call_refs(self._store, spec, context, toolbox, asked, head)
            answer = None
            if node.stop is StopReason.END_TURN:
                answer = await check_answer(self._store, spec, node.reply)
            return TurnOutcome(
                head=head,
                stop=node.stop,
                calls=calls,
                answer=answer,
                usage=node.usage,
                model=node.model,
                conversation_tokens=node.usage.tokens,
                details=_details(node, context),
            )


def _details(node: TranscriptNode, context: RunContext) -> str:
    """What people are told of the stop, beside its name."""
    told = [node.details] if node.details else []
    if node.stop is StopReason.CONTEXT_OVERFLOW and context.conversation is not None:
        told.append(shorter_next_time(context))
    return "; ".join(told)


def _node(
    input: TurnInput,
    context: RunContext,
    earlier: list[TranscriptNode],
    added: tuple[Message, ...],
    reply: ModelReply,
    fork: ForkBegin | None,
) -> TranscriptNode:
    # Of a fork the turns that it keeps, too: a call that they made is made once more by it.
    contexts = (input.context, *(fork.contexts if fork else ()))
    own = [node for node in earlier if node.context in contexts]
    said = [message for node in own for message in (*node.added, node.reply)]
    return TranscriptNode(
        parent=input.head or context.conversation,
        context=input.context,
        turn=input.turn,
        added=added,
        reply=keyed(reply.message, context, (*said, *added)),
        stop=reply.stop,
        usage=reply.usage,
        model=reply.model,
        request_id=reply.request_id,
        details=reply.details,
        pins=input.pins,
    )
