"""A cap on cost that nobody can check: the model has no known price.

No I/O but the price table, which is data inside an installed package.
"""

from collections.abc import Iterator

from activities.runtimes.kinds import runtime_kind
from rota.agent_spec import AgentSpec, RuntimeSpec
from rota.runtime_kind import Shape
from schedules.remarks import Remark


def price_remarks(spec: AgentSpec) -> Iterator[Remark]:
    """Yield a warning for each of the agent's runtimes whose cost its cap cannot count."""
    if spec.budget.run_usd is None:
        return
    for runtime in spec.runtime.chain:
        provider = _unpriced_at(runtime)
        if provider is None:
            continue
        where = f"as one of '{provider}'" if provider else "at its address (runtime.price_as)"
        message = (
            f"model '{runtime.model}' of runtime '{runtime.kind}' has no known price {where}: "
            "the cap holds only if the provider itself tells the cost; write runtime.price, or see "
            "budget.run_tokens"
        )
        yield Remark("warning", ("budget", "run_usd"), message)


def _unpriced_at(runtime: RuntimeSpec) -> str | None:
    """The provider at which the model has no price, empty for nobody; None if all is well."""
    # Here, not above: reading the table takes a third of a second, and few fleets ask for it.
    from activities.call_prices import CallPrices  # noqa: PLC0415

    if runtime_kind(runtime.kind).shape is not Shape.MODEL:
        return None
    prices = CallPrices.of(runtime.kind, runtime.settings)
    return None if prices.are_known else prices.provider
