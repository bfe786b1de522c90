"""Limits in dollars on work whose cost nobody can tell: what `rota validate` and preflight say.

A limit may be the agent's own, its team's, or that of whoever hands it work: each of them would
count an answer without a price as nothing.

Activity side: prices are read from disk.
"""

from collections.abc import Iterator

from activities.asked_runtime import soft_runtime
from activities.call_prices import CallPrices
from activities.runtimes.kinds import runtime_kind
from rota.agent_spec import AgentSpec
from rota.budgets.spec import Unpriced
from rota.failures import FailureCategory, StepError
from rota.runtimes.kind import Shape

DOLLARS = ("call_usd", "run_usd", "day_usd", "month_usd")
"""Keys of `budget` that count money."""


def dollar_limit(spec: AgentSpec) -> tuple[str, ...]:
    """Path of the first key that puts the agent under a limit in dollars; empty if none does."""
    own = next((key for key in DOLLARS if getattr(spec.budget, key) is not None), "")
    if own:
        return ("budget", own)
    return ("team",) if spec.team_usd else ()


def unpriced_runtimes(spec: AgentSpec) -> Iterator[tuple[str, str]]:
    """Yield why the cost of one of the agent's runtimes cannot be counted, and where a price goes.

    The cheaper model of a soft limit is one of them.

    Raises:
        RuntimeKindError: there is no such kind.
        pydantic.ValidationError: the settings are not of that kind.
    """
    cheaper = soft_runtime(spec)
    asked = [(runtime, "runtime.price") for runtime in spec.runtime.chain]
    for runtime, key in [*asked, *([(cheaper, "budget.soft.price")] if cheaper else [])]:
        kind = runtime_kind(runtime.kind)
        if kind.shape is Shape.MODEL:
            prices = CallPrices.of(runtime.kind, runtime.settings)
            if not prices.are_known:
                where = f"as one of '{prices.provider}'" if prices.provider else "at its address"
                model = f"model '{runtime.model}' of runtime '{runtime.kind}'"
                yield f"{model} has no known price {where}", key
            continue
        if runtime is cheaper:
            continue  # sessions have no cheaper model
        settings = kind.settings.model_validate(runtime.settings)
        promised = kind.promises(settings)
        if not promised.cost and not (promised.usage and kind.prices(settings)):
            yield f"runtime '{runtime.kind}' tells no cost here", key


def check_priced(spec: AgentSpec, lender: str = "") -> None:
    """Refuse to work for money that could not be counted, unless that is allowed.

    Args:
        spec: The agent.
        lender: The run that lends it dollars, if one does.

    Raises:
        StepError: `invalid_request`; names the limit and the model, and what mends it.
    """
    limit = _limit_text(spec, lender)
    if not limit or spec.budget.unpriced is Unpriced.ALLOW:
        return
    for why, key in unpriced_runtimes(spec):
        raise StepError(
            FailureCategory.INVALID_REQUEST,
            f"{limit} cannot be kept: {why}; write {key}, or budget.unpriced: allow",
        )


def _limit_text(spec: AgentSpec, lender: str) -> str:
    path = dollar_limit(spec)
    if path == ("team",):
        return f"the limit in dollars of team {spec.team}"
    if not path and lender:
        return f"the share in dollars that {lender} gave"
    return ".".join(path)
