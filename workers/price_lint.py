"""Limits in dollars that nobody can keep, and limits that let no call through.

No I/O but the price table, which is data inside an installed package.
"""

from collections.abc import Iterator

from activities.runtimes.kinds import runtime_kind
from rota.agent_spec import AgentSpec
from rota.budgets.spec import Unpriced
from rota.runtime_specs.base import ModelSettings
from rota.runtimes.kind import Shape
from rota.usage import format_cost
from schedules.remarks import Remark


def price_remarks(spec: AgentSpec) -> Iterator[Remark]:
    """Yield a warning for each runtime whose cost a limit cannot count, or that it stops."""
    yield from _unpriced(spec)
    yield from _too_dear(spec)


def _unpriced(spec: AgentSpec) -> Iterator[Remark]:
    # Here, not above: reading the table takes a third of a second, and few fleets ask for it.
    from activities.unpriced import dollar_limit, unpriced_runtimes  # noqa: PLC0415

    limit = dollar_limit(spec)
    if not limit:
        return
    for why, key in unpriced_runtimes(spec):
        then = f"runs are blocked; write {key}, or budget.unpriced: allow"
        if spec.budget.unpriced is Unpriced.ALLOW:
            then = "the limit does not count it (budget.unpriced: allow); see budget.run_tokens"
        yield Remark("warning", limit, f"{why}: {then}")


def _too_dear(spec: AgentSpec) -> Iterator[Remark]:
    """One whole answer is more than a limit of its call, or of its run."""
    budget, kind = spec.budget, runtime_kind(spec.runtime.kind)
    caps = {"call_usd": budget.call_usd, "run_usd": budget.run_usd}
    if kind.shape is not Shape.MODEL or not (budget.run_tokens or any(caps.values())):
        return
    settings = kind.settings.model_validate(spec.runtime.settings)
    if not isinstance(settings, ModelSettings):
        return
    most = settings.max_output_tokens
    cure = "so no call is made: raise it, or lower runtime.max_output_tokens"
    if budget.run_tokens is not None and most >= budget.run_tokens:
        yield Remark("warning", ("budget", "run_tokens"), f"an answer may have {most}, {cure}")
    if not any(caps.values()):
        return
    from activities.call_prices import CallPrices  # noqa: PLC0415

    cost = CallPrices.of(spec.runtime.kind, spec.runtime.settings).most(0, most)
    for key, usd in caps.items():
        if usd is not None and cost is not None and cost >= usd * 1_000_000:
            message = f"an answer of {most} tokens may cost {format_cost(cost)}, {cure}"
            yield Remark("warning", ("budget", key), message)
