"""Durations: one way to write them, read and printed without loss."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rota.language.durations import format_duration, parse_duration

READ: list[tuple[Any, timedelta]] = [
    ("30s", timedelta(seconds=30)),
    ("5m", timedelta(minutes=5)),
    ("1h30m", timedelta(minutes=90)),
    (" 2d ", timedelta(days=2)),
    ("1.5h", timedelta(minutes=90)),
    ("250ms", timedelta(milliseconds=250)),
    ("1m1ms", timedelta(seconds=60, milliseconds=1)),
    (90, timedelta(seconds=90)),
    (0, timedelta(0)),
    (timedelta(days=1), timedelta(days=1)),
]

REFUSED: list[tuple[Any, str]] = [
    ("soon", "'soon' is not a duration; write for example 30s, 5m or 1h30m"),
    ("5", "'5' is not a duration; write for example 30s, 5m or 1h30m"),
    ("", "'' is not a duration"),
    ("-5m", "'-5m' is not a duration"),
    ("5 m", "'5 m' is not a duration"),
    ("1h banana", "'1h banana' is not a duration"),
    (True, "'True' is not a duration"),
    (None, "'None' is not a duration"),
    (-5, "-5 is not a duration between 0s and 36500d"),
    (float("inf"), "inf is not a duration between"),
    (float("nan"), "nan is not a duration between"),
    ("99999999999999d", "99999999999999d is not a duration between"),
    ("9" * 5000 + "d", "is not a duration between"),
]


@pytest.mark.parametrize(("value", "expected"), READ)
def test_parse_duration_form_is_read(value: Any, expected: timedelta) -> None:
    """Each form means this long."""
    assert parse_duration(value) == expected


@pytest.mark.parametrize(("value", "message"), REFUSED, ids=lambda value: str(value)[:20])
def test_parse_duration_bad_value_shows_the_form(value: Any, message: str) -> None:
    """Anything else is refused in one short line that shows what to write."""
    with pytest.raises(ValueError, match=r"duration") as caught:
        parse_duration(value)
    assert message in str(caught.value)
    assert len(str(caught.value)) < 120


@given(st.integers(0, 10**12))
def test_format_duration_reads_back_unchanged(milliseconds: int) -> None:
    """Printing and reading a duration loses nothing down to the millisecond."""
    duration = timedelta(milliseconds=milliseconds)
    assert parse_duration(format_duration(duration)) == duration
