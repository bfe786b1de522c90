"""What a session has used, from one call to the next."""

import pytest

from activities.providers.used_so_far import counted, from_cursor, to_cursor
from rota.failures import StepError
from rota.usage import Usage

ONE = {"inputTokens": 1, "outputTokens": 2, "cacheReadInputTokens": 3, "cacheWriteInputTokens": 4}


def test_used_so_far_adds_up_through_the_cursor():
    """Each call's counts are added to those the cursor brought along, unpriced."""
    first = from_cursor("").plus(counted([ONE], "AWS"))
    both = from_cursor(to_cursor(first)).plus(counted([ONE, ONE], "AWS"))
    assert both == Usage(
        input_tokens=3,
        output_tokens=6,
        cache_read_tokens=9,
        cache_write_tokens=12,
        cost_micros=None,
    )


def test_used_so_far_stays_within_a_cursor():
    """However much was used, the cursor is small."""
    most = Usage(input_tokens=10**15, output_tokens=10**15, cost_micros=None)
    assert len(to_cursor(most)) < 200
    assert from_cursor(to_cursor(most)) == most


def test_counted_missing_count_fails_by_name():
    """A count that is gone is not zero."""
    with pytest.raises(StepError, match="AWS's answer has no usable outputTokens"):
        counted([{"inputTokens": 1}], "AWS")
