"""Which models the agents of a fleet may use: `models` of `fleet.yaml`. Pure.

A model is named by the runtime that asks it, since what that costs, and who reads along, differ
from one provider to the next: `anthropic/claude-haiku-4-5`.
"""

import re
from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from rota.agent_spec import AgentSpec
from rota.model import Declared

PATTERN = r"^[^\s/]+(/\S+)?$"

ModelPattern = Annotated[str, Field(pattern=PATTERN, max_length=200)]


class ModelsSpec(Declared):
    """The `models` block."""

    allow: Annotated[tuple[ModelPattern, ...], Field(min_length=1)] | None = None
    """Runtime kind and model, `*` for any signs: `anthropic/claude-*`. A kind alone stands for
    it with whatever model, or with none that is named here. None: any."""


def refused_models(
    spec: AgentSpec, models: ModelsSpec
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield where an agent names what is not allowed, and what is to be said of it.

    Its runtime, those that take over from it, and the cheaper model of a soft limit.
    """
    if models.allow is None:
        return
    listed = ", ".join(models.allow)
    for place, kind, model in _asked(spec):
        if not any(_matches(pattern, kind, model) for pattern in models.allow):
            name = f"{kind}/{model}" if model else kind
            yield place, f"{name} is not among models.allow of fleet.yaml, which has {listed}"


def _asked(spec: AgentSpec) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
    for index, runtime in enumerate(spec.runtime.chain):
        place = ("runtime", "fallback", index - 1) if index else ("runtime",)
        yield (*place, "model" if runtime.model else "kind"), runtime.kind, runtime.model or ""
    if spec.budget.soft.model is not None:
        yield ("budget", "soft", "model"), spec.runtime.kind, spec.budget.soft.model


def _matches(pattern: str, kind: str, model: str) -> bool:
    name = f"{kind}/{model}" if "/" in pattern else kind
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), name) is not None
