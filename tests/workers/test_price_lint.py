"""Limits on cost that nothing can keep, or that let nothing through, are remarked on."""

from typing import Any

import pytest

from rota.agent_spec import AgentSpec
from workers.price_lint import price_remarks

HAIKU = {"kind": "anthropic", "model": "claude-haiku-4-5"}
UNKNOWN = {"kind": "anthropic", "model": "claude-next-99"}
GATEWAY = {"kind": "openai", "model": "llama3", "base_url": "http://127.0.0.1:11434/v1"}
SCRIPTED = {"kind": "scripted", "turns": [{"result": 1}]}
PROGRAM = {"kind": "command", "command": ["true"]}
PRICE = {"input_usd_per_mtok": 0, "output_usd_per_mtok": 0}


def messages(runtime: dict[str, Any], **budget: Any) -> list[str]:
    """What is remarked on an agent with this runtime and these limits, with the key."""
    spec = AgentSpec.model_validate({"name": "x", "runtime": runtime, "budget": budget})
    remarks = list(price_remarks(spec))
    assert all(remark.level == "warning" for remark in remarks)
    return [f"{'.'.join(map(str, remark.path))}: {remark.message}" for remark in remarks]


@pytest.mark.parametrize(
    "runtime",
    [
        HAIKU,
        SCRIPTED,
        GATEWAY | {"model": "gpt-4o-mini", "price_as": "openai"},
        GATEWAY | {"price": PRICE},
        PROGRAM | {"output": "json", "answer": {"cost_usd": "usd"}},
    ],
)
def test_price_remarks_on_what_can_be_counted_are_none(runtime: dict[str, Any]) -> None:
    """A price from the table, declared, or told by the provider: no word is needed."""
    assert messages(runtime, run_usd=1.0) == []


@pytest.mark.parametrize(
    ("runtime", "words"),
    [
        (UNKNOWN, "model 'claude-next-99' of runtime 'anthropic' has no known price as one of"),
        (GATEWAY, "has no known price at its address"),
        (HAIKU | {"fallback": [GATEWAY]}, "model 'llama3' of runtime 'openai'"),
        (PROGRAM, "runtime 'command' tells no cost here"),
    ],
)
@pytest.mark.parametrize("key", ["run_usd", "call_usd", "day_usd", "month_usd"])
def test_price_remarks_on_what_has_no_price_say_that_runs_are_blocked(
    runtime: dict[str, Any], words: str, key: str
) -> None:
    """The model, and where its price was looked for; of a fallback, too."""
    (message,) = messages(runtime, **{key: 1.0})
    assert message.startswith(f"budget.{key}: ")
    assert words in message
    assert "runs are blocked; write runtime.price" in message


def test_price_remarks_on_an_unpriced_cheaper_model_say_where_its_price_goes() -> None:
    """From the soft limit on nothing would be counted: as bad as with the model itself."""
    (message,) = messages(HAIKU, day_usd=5, soft={"model": "claude-next-99"})
    assert "model 'claude-next-99' of runtime 'anthropic' has no known price" in message
    assert "write budget.soft.price, or budget.unpriced: allow" in message


def test_price_remarks_on_a_limit_of_the_team_are_the_same() -> None:
    """The team's dollars are as blind to what has no price as the agent's own."""
    spec = AgentSpec.model_validate({"name": "x", "runtime": UNKNOWN, "team_usd": True})
    (remark,) = price_remarks(spec)
    assert remark.path == ("team",)


def test_price_remarks_on_what_is_allowed_to_be_unpriced_say_what_that_means() -> None:
    """It runs, and its cost is in no limit."""
    (message,) = messages(UNKNOWN, run_usd=1.0, unpriced="allow")
    assert "the limit does not count it" in message


def test_price_remarks_without_a_limit_in_dollars_are_none() -> None:
    """An unpriced model by itself is nothing to be warned of."""
    assert messages(UNKNOWN, run_tokens=100_000) == []


@pytest.mark.parametrize(
    ("budget", "words"),
    [
        ({"call_usd": 0.04}, "budget.call_usd: an answer of 8192 tokens may cost $0.0410"),
        ({"run_usd": 0.04}, "budget.run_usd: an answer of 8192 tokens may cost $0.0410"),
        ({"run_tokens": 8192}, "budget.run_tokens: an answer may have 8192"),
    ],
)
def test_price_remarks_on_a_limit_below_one_answer_say_that_no_call_is_made(
    budget: dict[str, Any], words: str
) -> None:
    """What would park every run before its first call is told before it is applied."""
    (message,) = messages(HAIKU, **budget)
    assert message.startswith(words)
    assert message.endswith("so no call is made: raise it, or lower runtime.max_output_tokens")
