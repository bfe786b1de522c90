"""Time from left to right."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from workers.picture.time_axis import TimeAxis, label

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
SECONDS = st.integers(-100_000, 100_000).map(lambda n: timedelta(seconds=n))


@given(SECONDS, SECONDS, SECONDS)
def test_time_lies_between_the_edges_and_in_order(
    length: timedelta, a: timedelta, b: timedelta
) -> None:
    """Whatever is drawn, even of a run without length: nothing outside, nothing out of order."""
    axis = TimeAxis(NOON, NOON + abs(length), 200, 990)
    first, second = sorted((NOON + a, NOON + b))
    assert 200 <= axis.x_of(first) <= axis.x_of(second) <= 990
    assert axis.x_of(NOON) == 200


def test_axis_divides_its_room_evenly() -> None:
    """The middle of the time is the middle of the room; a mark stands where its moment does."""
    axis = TimeAxis(NOON, NOON + timedelta(hours=2), 100, 300)
    assert axis.x_of(NOON + timedelta(hours=1)) == 200
    assert axis.tick(NOON + timedelta(hours=2), "14:00").x == 300


def test_label_is_cut_only_where_there_is_no_room() -> None:
    """And says so: a name that was cut must not look like another's."""
    assert (label("report", 6), label("reports", 6)) == ("report", "repor…")
