"""A bucket lets through what it may, and no more, whatever the clock does."""

from hypothesis import given
from hypothesis import strategies as st

from workers.gateway.rates import Bucket, Buckets


def test_bucket_lets_a_burst_through_and_then_its_rate() -> None:
    """All of a minute's at once, then one by one, and says how long the next one takes."""
    bucket = Bucket(60)
    assert all(bucket.wait(0) == 0 for _ in range(60))
    assert bucket.wait(0) == 1.0
    assert bucket.wait(0.5) == 0.5
    assert bucket.wait(1) == 0
    assert bucket.wait(1) > 0


@given(st.integers(1, 100), st.lists(st.floats(-5, 30), max_size=200))
def test_bucket_never_lets_more_through_than_declared(rate: int, steps: list[float]) -> None:
    """A burst and what a minute brings, over any time, also if the clock goes back."""
    bucket, now, latest, through = Bucket(rate), 0.0, 0.0, 0
    for step in steps:
        now += step
        latest = max(latest, now)
        through += bucket.wait(now) == 0
    assert through <= rate + latest * rate / 60 + 1e-6


def test_buckets_let_each_name_through_by_itself() -> None:
    """Who floods one address keeps nobody from another."""
    buckets = Buckets(2, most=10)
    assert [buckets.wait("a", 0) for _ in range(3)] == [0, 0, 30]
    assert buckets.wait("b", 0) == 0


@given(st.integers(1, 20))
def test_buckets_remember_so_many_names_and_no_more(most: int) -> None:
    """However many names there are, memory is bounded: the one used longest ago is forgotten."""
    buckets = Buckets(1, most)
    for number in range(most):
        assert buckets.wait(str(number), 0) == 0
    assert buckets.wait("0", 0) > 0
    assert buckets.wait("one more", 0) == 0
    if most > 1:
        assert buckets.wait("0", 0) > 0
        assert buckets.wait("1", 0) == 0
