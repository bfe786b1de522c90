"""Costs as providers report them: dollars, often as a float that was added up. Pure."""

from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import Any

_NOISE = Decimal("1e-12")
"""Dollars below which digits are the noise of binary floats: LiteLLM says
`0.00019999999999999998` for 100 and 20 tokens at 1 and 5 dollars a million."""

_MOST = Decimal(1_000_000)
"""Dollars that no single answer costs: more is a number of another kind."""


def reported_micros(dollars: Any) -> int | None:
    """Return a reported cost in micro-dollars, rounded up so that no sum understates.

    Args:
        dollars: Text or a number, as the provider sent it.

    Returns:
        None for what is no amount: nothing, text that is no number, less than zero.
    """
    if isinstance(dollars, bool) or not isinstance(dollars, str | int | float):
        return None
    try:
        amount = Decimal(str(dollars).strip())
        if not amount.is_finite() or not 0 <= amount <= _MOST:
            return None
        exact = amount.quantize(_NOISE, ROUND_HALF_EVEN) * 1_000_000
    except InvalidOperation:
        return None
    return int(exact.to_integral_value(ROUND_CEILING))
