"""Prices: hand-checked sums, and never zero for what nobody priced."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from genai_prices.data_snapshot import get_snapshot

from activities.call_prices import CallPrices
from activities.pricing import Cost, price, price_table_version
from activities.sessions.request import SessionTask
from activities.sessions.turns import spent
from rota.budgets.model_price import ModelPrice
from rota.conversation import Message, ModelReply, StopReason, Text
from rota.runtime_specs import bedrock
from rota.runtimes.kinds import BUILT_IN
from rota.runtimes.session import ProviderSession
from rota.usage import Usage


@pytest.mark.parametrize(
    ("usage", "micros"),
    [
        # claude-haiku-4-5, dollars per million: 1 in, 5 out, 0.10 cache read, 1.25 cache write.
        (Usage(input_tokens=1000), 1000),
        (Usage(output_tokens=100), 500),
        (Usage(cache_read_tokens=300), 30),
        (Usage(cache_write_tokens=200), 250),
        (
            Usage(
                input_tokens=1000, output_tokens=100, cache_read_tokens=300, cache_write_tokens=200
            ),
            1780,
        ),
        # 0.1 micro-dollars round up: what was used is never free.
        (Usage(cache_read_tokens=1), 1),
        (Usage(), 0),
    ],
)
def test_price_each_kind_of_token_costs_its_own_rate(usage: Usage, micros: int):
    """Cached tokens are counted once, at their own price."""
    assert price("claude-haiku-4-5", usage, "anthropic") == micros


def test_price_dated_model_name_is_known():
    """The name in an answer, with its date, costs what the model costs."""
    usage = Usage(input_tokens=10, output_tokens=10)
    dated = price("claude-haiku-4-5-20251001", usage, "anthropic")
    assert dated == price("claude-haiku-4-5", usage, "anthropic") == 60


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("claude-next-99", "anthropic"),
        ("", "anthropic"),
        ("gpt-5", "anthropic"),
        ("claude-haiku-4-5", "nobody"),
        # Listed, but without any price.
        ("gemma-3", "google"),
    ],
)
def test_price_unknown_model_or_provider_is_unpriced(model: str, provider: str):
    """What the table does not know is None, which no sum takes for free."""
    assert price(model, Usage(input_tokens=10), provider) is None


def test_price_cached_tokens_without_a_rate_cost_the_full_one():
    """Where the table has no discount there is none: claude-2 takes 8 dollars per million."""
    assert price("claude-2", Usage(cache_read_tokens=1000), "anthropic") == 8000


def test_price_bedrock_model_is_found_at_aws():
    """A model by its name at Bedrock has a price there."""
    model = "anthropic.claude-haiku-4-5-20251001-v1:0"
    assert price(model, Usage(input_tokens=1000), bedrock.KIND.priced_as)


def test_price_table_version_names_the_table():
    """A cost can say which prices it was made of."""
    name, number = price_table_version().split(" ")
    assert (name, number.count(".")) == ("genai-prices", 2)


def reply(reported: int | None, model: str = "claude-haiku-4-5") -> ModelReply:
    """An answer of 1000 tokens in, worth 1000 micro-dollars by the table."""
    return ModelReply(
        message=Message(role="assistant", content=(Text(text="Yes."),)),
        stop=StopReason.END_TURN,
        usage=Usage(input_tokens=1000),
        model=model,
        reported_micros=reported,
    )


TABLE = price_table_version()


@pytest.mark.parametrize(
    ("answer", "provider", "cost"),
    [
        (reply(None), "anthropic", Cost(1000, TABLE)),
        (reply(700), "anthropic", Cost(700, "reported by openai", 1000)),
        (reply(0), "", Cost(0, "reported by openai")),
        (reply(700, "unknown"), "anthropic", Cost(700, "reported by openai")),
        (reply(None), "", Cost(None, TABLE)),
        (reply(None, "unknown"), "anthropic", Cost(None, TABLE)),
    ],
)
def test_cost_of_prefers_what_was_reported_and_keeps_the_table_beside(
    answer: ModelReply, provider: str, cost: Cost
):
    """The provider's own word counts; who said it, and what the table says, stays on record."""
    assert CallPrices("openai", "any", provider).cost(answer) == cost


@pytest.mark.parametrize("name", ["my-deployment", ""])
def test_cost_of_an_answer_under_another_name_is_that_of_the_model_that_was_asked(name: str):
    """What a gateway calls it is no way past a limit; the record says whose price it is."""
    prices = CallPrices("openai", "claude-haiku-4-5", "anthropic")
    assert prices.cost(reply(None, name)) == Cost(1000, f"{TABLE}, as claude-haiku-4-5")


def test_price_provider_of_each_built_in_kind_is_in_the_table():
    """No kind is priced by a name that the table does not know."""
    known = {provider.id for provider in get_snapshot().providers}
    named = {kind.priced_as for kind in BUILT_IN.values() if kind.priced_as}
    assert named <= known


DECLARED = ModelPrice(input_usd_per_mtok=2, output_usd_per_mtok=8, cache_read_usd_per_mtok=0.1)


@pytest.mark.parametrize(
    ("usage", "micros"),
    [
        (Usage(input_tokens=1000), 2000),
        (Usage(output_tokens=100), 800),
        (Usage(cache_read_tokens=300), 30),
        # Without a price of its own: as other input.
        (Usage(cache_write_tokens=200), 400),
        # 0.1 micro-dollars round up.
        (Usage(cache_read_tokens=1), 1),
        (Usage(), 0),
    ],
)
def test_price_declared_counts_before_the_table(usage: Usage, micros: int):
    """`runtime.price` says what a model costs, be it in the table or not."""
    prices = CallPrices("anthropic", "claude-haiku-4-5", "anthropic", DECLARED)
    answer = reply(None).model_copy(update={"usage": usage})
    assert prices.cost(answer) == Cost(micros, "runtime.price 2/8/0.1/2")


def test_price_declared_stands_beside_what_the_provider_reports():
    """The provider's own word still counts; what was declared is kept beside it."""
    prices = CallPrices("openai", "any", "", DECLARED)
    assert prices.cost(reply(700)) == Cost(700, "reported by openai", 2000)


def test_price_most_counts_input_at_its_dearest():
    """A provider may write the whole input into its cache: 1.25 of what it costs else."""
    prices = CallPrices("anthropic", "claude-haiku-4-5", "anthropic")
    assert prices.most(1000, 100) == 1250 + 500
    assert CallPrices("anthropic", "claude-next-99", "anthropic").most(1000, 100) is None
    assert CallPrices("openai", "any", "", DECLARED).most(1000, 100) == 2000 + 800


@pytest.mark.parametrize(
    ("block", "known"),
    [
        ({"kind": "anthropic", "model": "claude-haiku-4-5"}, True),
        ({"kind": "anthropic", "model": "claude-next-99"}, False),
        ({"kind": "anthropic", "model": "claude-next-99", "price": DECLARED.model_dump()}, True),
        ({"kind": "scripted", "turns": [{"result": 1}]}, True),
    ],
)
def test_call_prices_of_a_block_are_known_or_not(block: dict[str, Any], known: bool):
    """By its declaration, by the table, or because the runtime tells with each answer."""
    assert CallPrices.of(block["kind"], block).are_known is known


def test_spent_of_a_session_under_another_name_is_priced_as_the_model_declared():
    """As with a turn: no name of a provider's own is a way past a limit."""
    runtime = SimpleNamespace(model="claude-haiku-4-5")
    task = SimpleNamespace(
        kind=SimpleNamespace(prices=lambda _: "anthropic"),
        settings=None,
        spec=SimpleNamespace(runtime=runtime),
    )
    session = ProviderSession(kind="cursor", id="s1")
    used = Usage(input_tokens=1000, cost_micros=None)
    found = spent(cast("SessionTask", task), session, Usage(), used, "auto")
    assert (found.usage.cost_micros, found.prices) == (1000, f"{TABLE}, as claude-haiku-4-5")
