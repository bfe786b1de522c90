"""Which models a fleet's list allows."""

from typing import Any

import pytest

from rota.agent_spec import AgentSpec
from rota.runtimes.allowed_models import ModelsSpec, refused_models

HAIKU = {"kind": "anthropic", "model": "claude-haiku-4-5"}
OPUS = {"kind": "anthropic", "model": "claude-opus-4-5"}
GATEWAY = {"kind": "openai", "model": "anthropic/claude-opus-4-5"}
N8N = {"kind": "n8n"}


def refused(runtime: dict[str, Any], *allow: str, soft: str | None = None) -> list[str]:
    """Where an agent names what is not allowed."""
    budget = {"soft": {"model": soft}} if soft else {}
    spec = AgentSpec.model_validate({"name": "a", "runtime": runtime, "budget": budget})
    models = ModelsSpec.model_validate({"allow": allow} if allow else {})
    return [".".join(map(str, path)) for path, _ in refused_models(spec, models)]


@pytest.mark.parametrize(
    ("runtime", "allow", "places"),
    [
        (OPUS, (), []),
        (HAIKU, ("anthropic/claude-haiku-*",), []),
        (OPUS, ("anthropic/claude-haiku-*",), ["runtime.model"]),
        (OPUS, ("anthropic/claude-haiku-*", "*/*opus*"), []),
        (OPUS, ("anthropic",), []),
        (OPUS, ("openai", "bedrock"), ["runtime.model"]),
        (OPUS, ("anthropic/claude-opus-4",), ["runtime.model"]),
        (OPUS, ("anthropic/claude.opus.4.5",), ["runtime.model"]),
        (GATEWAY, ("openai/anthropic/*",), []),
        (GATEWAY, ("anthropic/*",), ["runtime.model"]),
        (N8N, ("anthropic",), ["runtime.kind"]),
        (N8N, ("n8n",), []),
        (N8N, ("n8n/*",), []),
        (N8N, ("*",), []),
        (HAIKU | {"fallback": [N8N, OPUS]}, ("*/*haiku*", "n8n"), ["runtime.fallback.1.model"]),
    ],
)
def test_model_is_allowed_by_its_runtime_and_its_name(
    runtime: dict[str, Any], allow: tuple[str, ...], places: list[str]
) -> None:
    """Whole names, whoever would ask them; without a list, any."""
    assert refused(runtime, *allow) == places


def test_cheaper_model_is_held_to_the_list_too() -> None:
    """It is asked of the same runtime."""
    assert refused(HAIKU, "anthropic/*haiku*", soft="claude-3-haiku") == []
    assert refused(HAIKU, "anthropic/*haiku*", soft="claude-2") == ["budget.soft.model"]
