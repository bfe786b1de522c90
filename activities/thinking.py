"""`invoke_model`: one turn of a conversation, paid for once."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Protocol

from temporalio import activity

from activities.answers import check_answer
from activities.breaker_gate import BreakerGate
from activities.documents import (
    get_context,
    get_memory,
    get_node,
    get_results,
    get_spec,
    get_transcript,
    messages_of,
)
from activities.heartbeat import heartbeating
from activities.interface import Thinking
from activities.mcp.tools import with_pins
from activities.paid_calls import PaidCalls
from activities.pricing import cost_of
from activities.runtimes.kinds import account_of, price_provider
from activities.safekeeping import kept
from activities.step_errors import translated
from activities.stores.base import ObjectStore, StoreError
from activities.toolbox import Toolbox
from activities.turn_tools import call_refs, offered_tools
from rota.agent_spec import AgentSpec, RuntimeSpec
from rota.conversation import (
    Message,
    ModelReply,
    ModelRequest,
    ModelRuntime,
    StopReason,
)
from rota.failures import FailureCategory, StepError
from rota.loop import TurnOutcome
from rota.model import content_digest
from rota.pinned_spec import PinnedSpec
from rota.prompt import opening_message, repair_message, system_prompt
from rota.steps import TurnInput
from rota.transcript import RunContext, TranscriptNode, keyed, template_scope


class ModelRuntimes(Protocol):
    """Gives the model runtime of a kind. Called in a thread: the first call may take seconds."""

    def model(self, kind: str) -> ModelRuntime:
        """Return the one instance for `kind`.

        Raises:
            StepError: no such runtime on this worker.
        """
        ...


class ThinkingActivities(Thinking):
    """Takes turns with whatever runtime the agent names."""

    def __init__(
        self, store: ObjectStore, runtimes: ModelRuntimes, toolbox: Toolbox, gate: BreakerGate
    ) -> None:
        self._store = store
        self._runtimes = runtimes
        self._toolbox = toolbox
        self._gate = gate

    @activity.defn(name="invoke_model")
    async def invoke_model(self, input: TurnInput) -> TurnOutcome:
        """Take one turn.

        Raises:
            ApplicationError: type is the failure category; retryable as that says, unless
                another runtime takes over. Or type `runtime_held`: nobody was asked, since the
                runtime's breaker is open.
        Idempotency: the reply is recorded under (run, turn) before this returns; a later
            attempt finds it and calls nobody. A store that stumbles meanwhile is waited
            for, and what is wrong with an answer is final: neither buys it again.
        Heartbeat: every second, with the turn's number.
        """
        async with heartbeating(f"turn {input.turn}"):
            with translated(input):
                return await self._turn(input)

    async def _turn(self, input: TurnInput) -> TurnOutcome:
        context = await get_context(self._store, input.context)
        spec = await get_spec(self._store, context.spec.digest)
        earlier = await get_transcript(self._store, input.head)
        memory = await get_memory(self._store, context.memory)
        document = memory.document if memory else {}
        added = await self._added(input, context, document)
        toolbox = await with_pins(self._store, self._toolbox, input.pins)
        asks = spec.runtime.chain[input.runtime]
        paid = PaidCalls(self._store, input.run, input.turn, input.round)
        told = [m.model_dump(mode="json") for m in added]
        asked = content_digest([input.runtime, input.head, told])
        recorded = await paid.find(asked)
        if recorded is not None:
            node = await get_node(self._store, recorded)
            with _answered(input.turn):
                return await self._outcome(spec, toolbox, recorded, node)
        request = ModelRequest(
            settings=asks.settings,
            system=system_prompt(
                spec.instructions,
                spec.output.json_schema if spec.output else None,
                "memory.update" in spec.tools,
            ),
            messages=(*messages_of(earlier), *added),
            tools=offered_tools(spec, toolbox),
            turn=input.turn,
            context=template_scope(context, document),
        )
        runtime = await asyncio.to_thread(self._runtimes.model, asks.kind)
        async with self._gate.passing(asks.kind, account_of(asks.kind, asks.settings)):
            await paid.begin()
            with _answered(input.turn):
                try:
                    reply = await runtime.invoke(request)
                except StepError as error:
                    error.final = _leaves_it_to_another(input, context.spec, error)
                    if not error.maybe_billed:
                        await kept(paid.abandon)
                    raise
        with _answered(input.turn):
            unknown = await kept(paid.unknown_attempts)
            node = self._node(input, context, earlier, added, reply, unknown, asks)
            encoded = node.encode()
            head = await kept(lambda: self._store.put(encoded))
            await kept(lambda: paid.record(asked, head))
            return await self._outcome(spec, toolbox, head, node)

    def _node(
        self,
        input: TurnInput,
        context: RunContext,
        earlier: list[TranscriptNode],
        added: tuple[Message, ...],
        reply: ModelReply,
        unknown: int,
        asks: RuntimeSpec,
    ) -> TranscriptNode:
        calls = [call for node in earlier for call in node.reply.tool_calls]
        cost = cost_of(reply, asks.kind, price_provider(asks.kind, asks.settings))
        counted = {"cost_micros": cost.micros, "unknown_attempts": unknown}
        usage = reply.usage.model_copy(update=counted)
        return TranscriptNode(
            parent=input.head,
            context=input.context,
            turn=input.turn,
            added=added,
            reply=keyed(reply.message, context, calls),
            stop=reply.stop,
            usage=usage,
            model=reply.model,
            request_id=reply.request_id,
            details=reply.details,
            prices=cost.prices,
            table_micros=cost.table_micros,
            pins=input.pins,
        )

    async def _added(
        self, input: TurnInput, context: RunContext, memory: dict[str, Any]
    ) -> tuple[Message, ...]:
        """What the model has not been told yet."""
        if input.repair:
            return (repair_message(input.repair),)
        if input.head is None:
            return (opening_message(context, memory),)
        if not input.results:
            return ()
        results = await get_results(self._store, input.head, input.results)
        return (Message(role="user", content=results),)

    async def _outcome(
        self, spec: AgentSpec, toolbox: Toolbox, head: str, node: TranscriptNode
    ) -> TurnOutcome:
        calls = call_refs(spec, toolbox, node.reply.tool_calls)
        answer = None
        if node.stop is StopReason.END_TURN:
            answer = await check_answer(self._store, spec, node.reply)
        return TurnOutcome(
            head=head,
            stop=node.stop,
            calls=calls,
            answer=answer,
            usage=node.usage,
            conversation_tokens=node.usage.tokens,
            details=node.details,
        )


def _leaves_it_to_another(input: TurnInput, spec: PinnedSpec, error: StepError) -> bool:
    """True if the run's next runtime is to be asked instead of this one again."""
    patience = min(spec.fallback_after, input.attempts)
    tried = activity.info().attempt >= patience
    return input.fallback_follows and error.category.fails_over and tried


@contextmanager
def _answered(turn: int) -> Generator[None]:
    """Make any unforeseen fault with an answer final: it would be paid for again.

    A runtime's own counts too: it classifies all that it knows not to be billed.
    """
    try:
        yield
    except (StepError, StoreError):
        raise
    except Exception as error:
        raise StepError(
            FailureCategory.BUG,
            f"turn {turn} was asked, but its answer cannot be used: "
            f"{type(error).__name__}: {error}",
            maybe_billed=True,
        ) from error
