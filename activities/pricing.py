"""What a model call costs, from the community's price table.

Runs in activities: the table is data inside an installed package, read from disk once
and never fetched. The version belongs on every cost, since prices change with it.

Source: genai-prices 0.2.
"""

from dataclasses import dataclass
from decimal import ROUND_CEILING
from functools import cache
from importlib.metadata import version

import genai_prices

from rota.usage import Usage


def price(model: str, usage: Usage, provider: str) -> int | None:
    """Return the cost in micro-dollars, rounded up so that no sum understates.

    Args:
        model: As the provider names it in its answer, date suffix or ARN included.
        usage: Tokens with the cached ones counted apart, as Rota keeps them.
        provider: The provider's id in the table.

    Returns:
        None if the table does not know the model, or lists it without a price: unpriced is
        not free. A model that really is free counts as unpriced too, since the table does
        not tell the two apart.
    """
    counted = genai_prices.Usage(
        # The table's convention: its input tokens include the cached ones, ours do not.
        input_tokens=usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        output_tokens=usage.output_tokens,
    )
    try:
        calculation = genai_prices.calc_price(counted, model, provider_id=provider)
    except (LookupError, ValueError):
        # LookupError: no such model or provider. ValueError: counts it cannot price.
        return None
    total = calculation.total_price
    if total == 0 and usage.tokens > 0:
        return None
    return int((total * 1_000_000).to_integral_value(ROUND_CEILING))


@dataclass(frozen=True)
class Cost:
    """What an answer cost, and who says so."""

    micros: int | None
    prices: str
    """Version of the price table, the declared prices, or who reported it."""
    table_micros: int | None = None
    """What those prices say, beside a reported cost."""


@cache
def price_table_version() -> str:
    """Return the name and version of the price table, kept with each cost."""
    # Reading a package's metadata takes some 0.2 ms, and every turn asks.
    return f"genai-prices {version('genai-prices')}"
