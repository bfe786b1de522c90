"""What a run cost by its provider's own word, and by nobody's: on the real server."""

from typing import Any

import pytest

from activities.documents import get_transcript
from rota.turns.transcript import TranscriptNode
from tests.fakes.openai_server import OpenAIFake
from tests.stack import Stack

USAGE = {"prompt_tokens": 100, "completion_tokens": 20}
"""Of gpt-4o-mini: 0.15 and 0.60 dollars a million, so 27 micro-dollars by the table."""


async def only_turn(stack: Stack, fake: OpenAIFake, **settings: Any) -> TranscriptNode:
    """The transcript of a run of one turn."""
    name = stack.name("gateway")
    runtime = {
        "kind": "openai",
        "model": "gpt-4o-mini",
        "base_url": fake.url,
        "api_key": None,
        **settings,
    }
    async with stack.worker():
        await stack.declare(name, runtime=runtime)
        result = await stack.run(name, f"{name}-1")
    (node,) = await get_transcript(stack.store, result.transcript)
    assert result.usage == node.usage
    return node


@pytest.mark.parametrize(
    ("settings", "header", "cost", "table", "prices"),
    [
        ({"price_as": "openai"}, "0.0000404999999", 41, 27, "reported by openai"),
        ({}, "0.00002", 20, None, "reported by openai"),
        ({"price_as": "openai"}, None, 27, None, "genai-prices"),
        ({}, None, None, None, "genai-prices"),
    ],
)
async def test_run_cost_is_the_providers_own_else_the_tables(
    stack: Stack,
    settings: dict[str, Any],
    header: str | None,
    cost: int | None,
    table: int | None,
    prices: str,
) -> None:
    """A gateway's word is preferred, the table's kept beside; without either it is unpriced."""
    async with OpenAIFake() as fake:
        headers = {"x-litellm-response-cost": header} if header else {}
        fake.say("Done.", usage=USAGE, headers=headers)
        node = await only_turn(stack, fake, **settings)
    assert (node.usage.cost_micros, node.table_micros) == (cost, table)
    assert node.prices.startswith(prices)
    assert "authorization" not in fake.requests[0].headers
