"""One call of a model runtime: through the breaker's gate, paid for once, recorded.

Activity side. What a turn and a summary have in common: whatever is asked, an answer that
was paid for is kept, and one that was lost is counted.
"""

import asyncio
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from temporalio import activity

from activities.breaker_gate import BreakerGate
from activities.call_prices import CallPrices
from activities.documents import get_node
from activities.estimates import check_allowance, estimate
from activities.paid_calls import PaidCalls
from activities.runtimes.kinds import account_of
from activities.safekeeping import kept
from activities.secrets import Secrets
from activities.stores.base import ObjectStore, StoreError
from activities.tracing import model_span
from rota.agent_spec import RuntimeSpec
from rota.budgets.spending import lost
from rota.conversation import Message, ModelReply, ModelRequest, ModelRuntime
from rota.failures import FailureCategory, StepError
from rota.pinned_spec import PinnedSpec
from rota.spans import conversation_of
from rota.steps import AskInput
from rota.turns.transcript import TranscriptNode
from rota.usage import Usage


class ModelRuntimes(Protocol):
    """Gives the model runtime of a kind. Called in a thread: the first call may take seconds."""

    def model(self, kind: str) -> ModelRuntime:
        """Return the one instance for `kind`.

        Raises:
            StepError: no such runtime on this worker.
        """
        ...


@dataclass(frozen=True)
class ModelCall:
    """What a turn, or a summary, asks."""

    input: AskInput
    """The step's."""
    spec: PinnedSpec
    """Of the run."""
    asks: RuntimeSpec
    """The runtime that is asked."""
    session: str
    """Of the run."""
    asked: str
    """Digest of what is asked, and of whom."""
    request: ModelRequest
    earlier: Sequence[TranscriptNode]
    """What was said before, oldest first."""
    added: Sequence[Message]
    """What is said now."""


class ModelCalls:
    """Calls of whatever runtime the agent names."""

    def __init__(self, store: ObjectStore, runtimes: ModelRuntimes, gate: BreakerGate) -> None:
        self._store = store
        self._runtimes = runtimes
        self._gate = gate

    async def recorded(self, paid: PaidCalls, asked: str) -> tuple[str, TranscriptNode] | None:
        """The node that holds the answer to exactly this, if there is one already."""
        head = await paid.find(asked)
        return None if head is None else (head, await get_node(self._store, head))

    async def make(
        self, call: ModelCall, paid: PaidCalls, node_of: Callable[[ModelReply], TranscriptNode]
    ) -> tuple[str, TranscriptNode]:
        """Ask once, and put the answer on record.

        Args:
            call: What is asked.
            paid: Where the call is remembered.
            node_of: Makes the transcript's node of an answer; its cost is added here.

        Raises:
            StepError: as the runtime says; `final` if another runtime takes over.
            ApplicationError: `over_allowance`, final: nobody was asked, since the call might
                come to more than it may.
        """
        input, asks, request = call.input, call.asks, call.request
        prices = CallPrices.of(asks.kind, asks.settings)
        needed = estimate(request, prices, input, call.earlier, call.added)
        unknown = await kept(paid.lost)
        check_allowance(needed.plus(lost(unknown)), input.allowance, _named(request.turn))
        runtime = await asyncio.to_thread(self._runtimes.model, asks.kind)
        conversation = conversation_of(input.agent, call.session)
        async with self._gate.passing(asks.kind, account_of(asks.kind, asks.settings)):
            await paid.begin(needed)
            with (
                answered(request.turn),
                model_span(asks, request, call.added, conversation) as span,
            ):
                try:
                    reply = Secrets().cut_out(await runtime.invoke(request))
                except StepError as error:
                    error.final = _leaves_it_to_another(input, call.spec, error)
                    if not error.maybe_billed:
                        await kept(paid.abandon)
                    raise
                span.answered(reply, prices.cost(reply).micros)
        with answered(request.turn):
            node = _priced(node_of(reply), reply, prices, unknown)
            encoded = node.encode()
            head = await kept(lambda: self._store.put(encoded))
            await kept(lambda: paid.record(call.asked, head))
            return head, node


def _priced(
    node: TranscriptNode, reply: ModelReply, prices: CallPrices, unknown: Usage
) -> TranscriptNode:
    cost = prices.cost(reply)
    counted: dict[str, Any] = {"cost_micros": cost.micros}
    return node.model_copy(
        update={
            "usage": reply.usage.model_copy(update=counted).plus(unknown),
            "prices": cost.prices,
            "table_micros": cost.table_micros,
        }
    )


def _named(turn: int) -> str:
    return f"turn {turn}" if turn else "the summary of the conversation"


def _leaves_it_to_another(input: AskInput, spec: PinnedSpec, error: StepError) -> bool:
    """True if the run's next runtime is to be asked instead of this one again."""
    patience = min(spec.fallback_after, input.attempts)
    tried = activity.info().attempt >= patience
    return input.fallback_follows and error.category.fails_over and tried


@contextmanager
def answered(turn: int) -> Generator[None]:
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
