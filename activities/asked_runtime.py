"""Which runtime, and which model of it, a call of a model asks. Pure; activity side."""

from typing import Any

from rota.agent_spec import AgentSpec, RuntimeSpec
from rota.steps import AskInput


def asked_runtime(spec: AgentSpec, input: AskInput) -> RuntimeSpec:
    """The runtime the run has come to; its cheaper model, if a soft limit is reached.

    Of the declared runtime alone: what a fallback asks, its own block says.
    """
    asks, soft = spec.runtime.chain[input.runtime], spec.budget.soft
    if not input.soft or input.runtime != 0 or soft.model is None:
        return asks
    block: dict[str, Any] = {**asks.model_dump(mode="json"), "model": soft.model}
    # The block's own price is that of the other model.
    block.pop("price", None)
    if soft.price is not None:
        block["price"] = soft.price.model_dump(mode="json")
    return RuntimeSpec.model_validate(block)
