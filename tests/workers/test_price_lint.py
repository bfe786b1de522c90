"""A cap on cost is remarked on where nothing can count the cost."""

from typing import Any

import pytest

from rota.agent_spec import AgentSpec
from workers.price_lint import price_remarks

HAIKU = {"kind": "anthropic", "model": "claude-haiku-4-5"}
UNKNOWN = {"kind": "anthropic", "model": "claude-next-99"}
GATEWAY = {"kind": "openai", "model": "llama3", "base_url": "http://127.0.0.1:11434/v1"}
SCRIPTED = {"kind": "scripted", "turns": [{"result": 1}]}


def messages(runtime: dict[str, Any], usd: float | None = 1.0) -> list[str]:
    """What is remarked on an agent with this runtime and this cap."""
    budget = {"run_usd": usd}
    spec = AgentSpec.model_validate({"name": "x", "runtime": runtime, "budget": budget})
    remarks = list(price_remarks(spec))
    assert all(r.level == "warning" and r.path == ("budget", "run_usd") for r in remarks)
    return [remark.message for remark in remarks]


@pytest.mark.parametrize(
    "runtime",
    [HAIKU, SCRIPTED, GATEWAY | {"model": "gpt-4o-mini", "price_as": "openai"}],
)
def test_price_remarks_on_a_model_with_a_price_are_none(runtime: dict[str, Any]) -> None:
    """What can be counted needs no word."""
    assert messages(runtime) == []


@pytest.mark.parametrize(
    ("runtime", "words"),
    [
        (UNKNOWN, "model 'claude-next-99' of runtime 'anthropic' has no known price as one of"),
        (GATEWAY, "has no known price at its address (runtime.price_as)"),
        (HAIKU | {"fallback": [GATEWAY]}, "model 'llama3' of runtime 'openai'"),
    ],
)
def test_price_remarks_on_a_model_without_a_price_name_it(
    runtime: dict[str, Any], words: str
) -> None:
    """The model, and where its price was looked for; of a fallback, too."""
    (message,) = messages(runtime)
    assert words in message


def test_price_remarks_without_a_cap_are_none() -> None:
    """An unpriced model by itself is nothing to be warned of."""
    assert messages(UNKNOWN, None) == []
