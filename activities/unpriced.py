"""Limits in dollars on work whose cost nobody can tell: what `rota validate` and preflight say.

Activity side: prices are read from disk.
"""

from collections.abc import Iterator

from activities.call_prices import CallPrices
from activities.runtimes.kinds import runtime_kind
from rota.agent_spec import AgentSpec, RuntimeSpec
from rota.budget_spec import Unpriced
from rota.failures import FailureCategory, StepError
from rota.runtime_kind import Shape

DOLLARS = ("call_usd", "run_usd", "day_usd", "month_usd")
"""Keys of `budget` that count money."""


def dollar_limit(spec: AgentSpec) -> str:
    """The first key under which the agent has a limit in dollars; empty if it has none."""
    return next((key for key in DOLLARS if getattr(spec.budget, key) is not None), "")


def unpriced_runtimes(spec: AgentSpec) -> Iterator[tuple[RuntimeSpec, str]]:
    """Yield each of the agent's runtimes whose cost cannot be counted, and why.

    Raises:
        RuntimeKindError: there is no such kind.
        pydantic.ValidationError: the settings are not of that kind.
    """
    for runtime in spec.runtime.chain:
        kind = runtime_kind(runtime.kind)
        if kind.shape is Shape.MODEL:
            prices = CallPrices.of(runtime.kind, runtime.settings)
            if not prices.are_known:
                where = f"as one of '{prices.provider}'" if prices.provider else "at its address"
                model = f"model '{runtime.model}' of runtime '{runtime.kind}'"
                yield runtime, f"{model} has no known price {where}"
            continue
        settings = kind.settings.model_validate(runtime.settings)
        promised = kind.promises(settings)
        if not promised.cost and not (promised.usage and kind.prices(settings)):
            yield runtime, f"runtime '{runtime.kind}' tells no cost here"


def check_priced(spec: AgentSpec) -> None:
    """Refuse to work for money that could not be counted, unless that is allowed.

    Raises:
        StepError: `invalid_request`; names the limit and the model, and what mends it.
    """
    limit = dollar_limit(spec)
    if not limit or spec.budget.unpriced is Unpriced.ALLOW:
        return
    for _, why in unpriced_runtimes(spec):
        raise StepError(
            FailureCategory.INVALID_REQUEST,
            f"budget.{limit} cannot be kept: {why}; write runtime.price, or budget.unpriced: allow",
        )
