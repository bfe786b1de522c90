"""A provider's word on its price becomes whole micro-dollars."""

import pytest

from activities.providers.reported_cost import reported_micros


@pytest.mark.parametrize(
    ("dollars", "micros"),
    [
        ("0.00019999999999999998", 200),
        ("0.00020000000000000001", 200),
        (0.1 + 0.2, 300_000),
        ("0.0000001", 1),
        ("1.2e-05", 12),
        (3, 3_000_000),
        (0, 0),
        ("0.0", 0),
    ],
)
def test_reported_micros_rounds_up_past_the_noise_of_floats(dollars: object, micros: int):
    """A part of a micro-dollar counts as a whole one; a float's last digits do not."""
    assert reported_micros(dollars) == micros


@pytest.mark.parametrize("dollars", [None, "", "None", "free", -1, "nan", "inf", True, [], "1e99"])
def test_reported_micros_of_no_amount_is_none(dollars: object):
    """What is no amount is not taken for zero: unknown is not free."""
    assert reported_micros(dollars) is None
