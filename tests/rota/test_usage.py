"""Usage: sums that never turn unknown into nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rota.usage import Usage, format_cost

COUNTS = st.integers(0, 10**9)
COSTS = st.fixed_dictionaries({"cost_micros": COUNTS}) | st.fixed_dictionaries(
    {"cost_micros": st.none(), "known_micros": COUNTS}
)
FIELDS = st.fixed_dictionaries(
    {
        "input_tokens": COUNTS,
        "output_tokens": COUNTS,
        "cache_read_tokens": COUNTS,
        "cache_write_tokens": COUNTS,
        "unknown_attempts": st.integers(0, 9),
        "unknown_micros": COUNTS,
        "unknown_tokens": COUNTS,
    }
)
USAGES = st.builds(lambda fields, cost: Usage(**fields, **cost), FIELDS, COSTS)


@given(st.lists(USAGES, max_size=6))
def test_usage_sum_keeps_every_token_and_the_unpriced(usages: list[Usage]) -> None:
    """Tokens add up; one unpriced part makes the whole unpriced, never cheaper."""
    total = Usage()
    for usage in usages:
        total = total.plus(usage)
    assert total.tokens == sum(usage.tokens for usage in usages)
    assert total.unknown_attempts == sum(usage.unknown_attempts for usage in usages)
    costs = [usage.cost_micros for usage in usages]
    known = [cost for cost in costs if cost is not None]
    assert total.cost_micros == (sum(known) if len(known) == len(costs) else None)
    assert total.counted_micros == sum(usage.counted_micros for usage in usages)
    assert total.unknown_micros == sum(usage.unknown_micros for usage in usages)


@given(USAGES, USAGES, USAGES)
def test_usage_sum_does_not_depend_on_order(a: Usage, b: Usage, c: Usage) -> None:
    """Sum of steps = run = day, however they are grouped."""
    assert a.plus(b) == b.plus(a)
    assert a.plus(b).plus(c) == a.plus(b.plus(c))
    assert a.plus(Usage()) == a


@pytest.mark.parametrize(
    ("micros", "text"),
    [
        (None, "unpriced"),
        (0, "$0.0000"),
        (12345, "$0.0123"),
        (50, "$0.000050"),
        (100, "$0.0001"),
        (10**9, "$1000.0000"),
    ],
)
def test_format_cost_for_people(micros: int | None, text: str) -> None:
    """Free, almost free and unpriced look different."""
    assert format_cost(micros) == text


@given(USAGES, USAGES)
def test_usage_difference_undoes_a_sum_of_priced_usages(a: Usage, b: Usage) -> None:
    """What was counted before and what is new make up the provider's own sum again."""
    if a.cost_micros is not None and b.cost_micros is not None:
        assert a.plus(b).minus(b) == a


def test_usage_difference_is_never_negative_and_stays_unpriced() -> None:
    """A provider that takes a count back takes back no money; no price stays no price."""
    spent = Usage(input_tokens=5, cost_micros=9)
    assert Usage(input_tokens=3, cost_micros=4).minus(spent) == Usage()
    assert Usage(input_tokens=6, cost_micros=None).minus(spent).cost_micros is None
    assert spent.minus(Usage(cost_micros=None)).cost_micros == 9


def test_usage_of_an_unpriced_sum_still_counts_what_was_priced() -> None:
    """One turn without a price must not make the money of ten others disappear from a limit."""
    total = Usage(cost_micros=70).plus(Usage(cost_micros=None)).plus(Usage(cost_micros=5))
    assert (total.cost_micros, total.counted_micros) == (None, 75)
