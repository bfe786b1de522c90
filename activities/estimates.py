"""What a call of a model comes to at most, before it is made.

Activity side: prices are read from disk. The input is counted from above, since only the
provider can count it exactly; the answer may be as long as the runtime block allows.
"""

from collections.abc import Sequence

from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.call_prices import CallPrices
from rota.budgets.reservations import Amount, Cap
from rota.budgets.spending import OVER_ALLOWANCE, exceeds
from rota.conversation import Message, ModelRequest
from rota.model import canonical_json
from rota.steps import AskInput
from rota.turns.transcript import TranscriptNode
from rota.usage import format_cost

BYTES_PER_TOKEN = 3
"""Of a request's JSON. English text has some four and a half, source code three to four; what
has fewer, such as Chinese at about three, still counts as much as it is."""
MAX_OUTPUT_TOKENS = 8192
"""Where a runtime block of another package has no `max_output_tokens`."""


def estimate(
    request: ModelRequest,
    prices: CallPrices,
    input: AskInput,
    earlier: Sequence[TranscriptNode],
    added: Sequence[Message],
) -> Amount:
    """Return the most that a call may come to; no money if nobody can price it before.

    Args:
        request: What is asked.
        prices: Of whom is asked.
        input: The step's.
        earlier: What was said before, oldest first: its last node tells how long it was by the
            provider's own count.
        added: The messages since.
    """
    tokens = _counted(input, earlier, added) or _bytes(request) // BYTES_PER_TOKEN + 1
    output = int(request.settings.get("max_output_tokens") or MAX_OUTPUT_TOKENS)
    return Amount(micros=prices.most(tokens, output) or 0, tokens=tokens + output)


def check_allowance(needed: Amount, allowance: Cap, what: str) -> None:
    """Refuse a call that may come to more than it is allowed to. Nobody has been asked.

    Raises:
        ApplicationError: `over_allowance`, not retryable; its first detail is `needed`.
    """
    if not exceeds(needed, allowance):
        return
    limits = (
        f"{format_cost(allowance.micros)}" if allowance.micros is not None else "",
        f"{allowance.tokens} tokens" if allowance.tokens is not None else "",
    )
    raise ApplicationError(
        f"{what} may come to {format_cost(needed.micros)} and {needed.tokens} tokens, and is "
        f"allowed {' and '.join(filter(None, limits))}: nobody was asked",
        needed.model_dump(mode="json"),
        type=OVER_ALLOWANCE,
        non_retryable=True,
        # Nothing is wrong, and no log needs a stack of it.
        category=ApplicationErrorCategory.BENIGN,
    )


def _counted(
    input: AskInput, earlier: Sequence[TranscriptNode], added: Sequence[Message]
) -> int | None:
    """By the last answer's own count, if the same runtime gave it in this run."""
    last = earlier[-1] if earlier else None
    if last is None or last.context != input.context or last.session or input.round:
        return None
    if not last.usage.tokens or last.sums_up:
        return None
    told = canonical_json([message.model_dump(mode="json") for message in added])
    return last.usage.tokens + len(told) // BYTES_PER_TOKEN + 1


def _bytes(request: ModelRequest) -> int:
    asked = request.model_dump(mode="json", include={"system", "messages", "tools"})
    return len(canonical_json(asked))
