"""A cap on cost that nobody can check: the model has no known price.

No I/O but the price table, which is data inside an installed package.
"""

from collections.abc import Iterator

from activities.runtimes.kinds import price_provider, runtime_kind
from rota.agent_spec import AgentSpec, RuntimeSpec
from rota.runtime_kind import Shape
from rota.usage import Usage
from schedules.remarks import Remark

_PROBE = Usage(input_tokens=1_000_000)
"""Enough for any price to show."""


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
            "the cap holds only if the provider itself tells the cost; see budget.run_tokens"
        )
        yield Remark("warning", ("budget", "run_usd"), message)


def _unpriced_at(runtime: RuntimeSpec) -> str | None:
    """The provider at which the model has no price, empty for nobody; None if all is well."""
    # Here, not above: reading the table takes a third of a second, and few fleets ask for it.
    from activities.pricing import price  # noqa: PLC0415

    kind = runtime_kind(runtime.kind)
    settings = kind.settings.model_validate(runtime.settings)
    if kind.shape is not Shape.MODEL or kind.promises(settings).cost:
        return None
    provider = price_provider(runtime.kind, runtime.settings)
    known = provider and price(runtime.model or "", _PROBE, provider) is not None
    return None if known else provider
