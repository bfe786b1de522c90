"""Days and months of a zone: where they end, whatever the clocks do."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rota.budgets.reservations import WindowKind
from rota.budgets.windows import window_of

DAY, MONTH = WindowKind.DAY, WindowKind.MONTH


@pytest.mark.parametrize(
    ("timezone", "at", "key", "end"),
    [
        ("UTC", "2026-11-23T12:00Z", "2026-11-23", "2026-11-24T00:00Z"),
        ("Europe/Berlin", "2026-11-23T22:59Z", "2026-11-23", "2026-11-23T23:00Z"),
        ("Europe/Berlin", "2026-11-23T23:00Z", "2026-11-24", "2026-11-24T23:00Z"),
        ("Asia/Kolkata", "2026-11-23T18:30Z", "2026-11-24", "2026-11-24T18:30Z"),
        # 23 hours, and 25.
        ("Europe/Berlin", "2026-03-28T23:00Z", "2026-03-29", "2026-03-29T22:00Z"),
        ("Europe/Berlin", "2026-10-24T22:00Z", "2026-10-25", "2026-10-25T23:00Z"),
        # The clocks leave midnight out: the day begins with the change.
        ("Africa/Cairo", "2026-04-23T12:00Z", "2026-04-23", "2026-04-23T22:00Z"),
        # Midnight comes twice: the day begins with the first one.
        ("America/Havana", "2026-10-31T22:00Z", "2026-10-31", "2026-11-01T04:00Z"),
        # One minute after midnight the clocks went back to the day before.
        ("America/St_Johns", "2010-11-07T03:00Z", "2010-11-06", "2010-11-07T03:30Z"),
        # A whole day that never was.
        ("Pacific/Apia", "2011-12-29T20:00Z", "2011-12-29", "2011-12-30T10:00Z"),
    ],
)
def test_day_ends_with_its_last_local_second(timezone: str, at: str, key: str, end: str) -> None:
    """A day lasts from local midnight to the next, through every kind of clock change."""
    window = window_of(DAY, timezone, datetime.fromisoformat(at))
    assert (window.key, window.end) == (key, datetime.fromisoformat(end))


@pytest.mark.parametrize(
    ("timezone", "at", "key", "end"),
    [
        ("UTC", "2026-12-31T23:59Z", "2026-12", "2027-01-01T00:00Z"),
        ("Europe/Berlin", "2026-10-31T22:59Z", "2026-10", "2026-10-31T23:00Z"),
        ("America/Los_Angeles", "2026-11-01T06:59Z", "2026-10", "2026-11-01T07:00Z"),
        ("UTC", "2028-02-29T12:00Z", "2028-02", "2028-03-01T00:00Z"),
    ],
)
def test_month_ends_with_its_last_local_day(timezone: str, at: str, key: str, end: str) -> None:
    """A month ends at local midnight of its last day, leap years and changes included."""
    window = window_of(MONTH, timezone, datetime.fromisoformat(at))
    assert (window.key, window.end) == (key, datetime.fromisoformat(end))


ZONES = ("UTC", "Europe/Berlin", "America/Los_Angeles", "Australia/Lord_Howe", "Africa/Cairo")


@given(
    at=st.datetimes(datetime(2020, 1, 1), datetime(2036, 1, 1)),
    timezone=st.sampled_from(ZONES),
    kind=st.sampled_from(list(WindowKind)),
)
def test_windows_follow_one_another_without_a_gap(
    at: datetime, timezone: str, kind: WindowKind
) -> None:
    """The last second of a window is in it, its end is in a later one."""
    instant = at.replace(tzinfo=UTC)
    window = window_of(kind, timezone, instant)
    assert window.end > instant
    assert window_of(kind, timezone, window.end - timedelta(seconds=1)) == window
    assert window_of(kind, timezone, window.end).key > window.key


def test_window_of_an_unknown_zone_names_close_ones() -> None:
    """A zone that is none is an error that helps."""
    with pytest.raises(ValueError, match="Europe/Berlin"):
        window_of(DAY, "Europe/Berln", datetime(2026, 1, 1, tzinfo=UTC))
