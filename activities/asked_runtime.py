"""Which runtime, and which model of it, a call of a model asks. Pure; activity side."""

from typing import Any

from rota.agent_spec import AgentSpec, RuntimeSpec
from rota.steps import AskInput


def asked_runtime(spec: AgentSpec, input: AskInput) -> RuntimeSpec:
    """The runtime the run has come to; its cheaper model, if a soft limit is reached.

    Of the declared runtime alone: what a fallback asks, its own block says.
    """
    cheaper = soft_runtime(spec) if input.soft and input.runtime == 0 else None
    return cheaper or spec.runtime.chain[input.runtime]


def soft_runtime(spec: AgentSpec) -> RuntimeSpec | None:
    """The declared runtime with the model that it asks from a soft limit on; None if no other."""
    soft = spec.budget.soft
    if soft.model is None:
        return None
    block: dict[str, Any] = {**spec.runtime.model_dump(mode="json"), "model": soft.model}
    # The block's own price is that of the other model.
    block.pop("price", None)
    if soft.price is not None:
        block["price"] = soft.price.model_dump(mode="json")
    return RuntimeSpec.model_validate(block)
