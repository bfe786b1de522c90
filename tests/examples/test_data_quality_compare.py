"""What the data quality example takes for a finding, what for a known false alarm: pure."""

from typing import Any

import pytest

from tests.examples.quality_nights import checking, comparing, measuring, reporting


def checks(**tables: Any) -> Any:
    """Declared checks."""
    return checking.read_checks({"tables": tables})


def profile(**measures: Any) -> Any:
    """A profile of one table `t`; `c__nulls` is the measure `t.c.nulls`."""
    named = {f"t.{name.replace('__', '.')}": value for name, value in measures.items()}
    return measuring.Profile(night="2026-10-01", rows={"t": 1000}, measures=named)


@pytest.mark.parametrize(
    ("measures", "baseline", "found"),
    [
        ({"k__duplicates": 5}, None, ["t.k.duplicates"]),
        ({"k__duplicates": 5}, {"k__duplicates": 5}, []),
        ({"k__duplicates": 6}, {"k__duplicates": 5}, ["t.k.duplicates"]),
        ({"k__duplicates": 4}, {"k__duplicates": 5}, []),
        ({"c__nulls": 0.12}, {"c__nulls": 0.1}, []),
        ({"c__nulls": 0.14}, {"c__nulls": 0.1}, ["t.c.nulls"]),
        ({"c__nulls": 0.04}, {"c__nulls": 0.0}, []),
        ({"rows": 10}, None, []),
        ({"rows": 81}, {"rows": 100}, []),
        ({"rows": 79}, {"rows": 100}, ["t.rows"]),
        ({"rows": 121}, {"rows": 100}, ["t.rows"]),
        ({"c__mean": 1.14}, {"c__mean": 1.0}, []),
        ({"c__mean": -1.0}, {"c__mean": 1.0}, ["t.c.mean"]),
        ({"c__mean": 1.0}, {"c__mean": 0.0}, ["t.c.mean"]),
        ({"c__mean": None}, {"c__mean": 1.0}, ["t.c.mean"]),
        ({"c__mean": None}, {"c__mean": None}, []),
        ({"c__shares": {"a": 0.9, "b": 0.1}}, {"c__shares": {"a": 1.0}}, ["t.c.shares"]),
        ({"c__shares": {"a": 0.95, "b": 0.05}}, {"c__shares": {"a": 1.0}}, []),
        ({"stale_days": 1}, {"stale_days": 0}, ["t.stale_days"]),
    ],
)
def test_comparison_reports_what_is_worse_than_limit_and_baseline(
    measures: dict[str, Any], baseline: dict[str, Any] | None, found: list[str]
) -> None:
    """Better than before is none, and what was accepted is the measure of what comes."""
    wanted = checks(t={"key": "k", "nulls": {"c": 0.05}})
    before = None if baseline is None else profile(**baseline)
    result = comparing.compare(profile(**measures), before, wanted)
    assert [each.finding for each in result.new] == found


@pytest.mark.parametrize(
    ("measures", "up_to", "known"),
    [
        ({"c__orphans": 10}, 0.01, True),
        ({"c__orphans": 11}, 0.01, False),
        ({"stale_days": 3}, 3, True),
        ({"stale_days": 4}, 3, False),
        ({"rows": 40}, 0.6, True),
        ({"rows": 39}, 0.6, False),
        ({"c__shares": {"a": 0.8, "b": 0.2}}, 0.25, True),
        ({"c__shares": {"a": 0.7, "b": 0.3}}, 0.25, False),
    ],
)
def test_known_false_positive_is_known_up_to_its_bound_alone(
    measures: dict[str, Any], up_to: float, known: bool
) -> None:
    """What has been looked at must not hide what comes later."""
    now = profile(**measures)
    (finding,) = now.measures
    table = {"references": {"c": "other.id"}}
    listed = [{"finding": finding, "reason": "looked at", "up_to": up_to}]
    wanted = checking.read_checks({"tables": {"t": table}, "known": listed})
    before = profile(rows=100, c__shares={"a": 1.0}, stale_days=0, c__orphans=0)
    result = comparing.compare(now, before, wanted)
    assert (len(result.known), len(result.new)) == ((1, 0) if known else (0, 1))


def test_known_false_positive_of_what_nobody_measures_is_refused() -> None:
    """A slip in its name would otherwise be an alarm every night, or none when it should be."""
    listed = [{"finding": "t.c.orphan", "reason": "meters", "up_to": 0.01}]
    wanted = checking.read_checks({"tables": {"t": {}}, "known": listed})
    with pytest.raises(checking.CheckError, match=r"nothing measures 't\.c\.orphan'"):
        comparing.compare(profile(c__orphans=1), None, wanted)


def test_seal_is_that_of_the_figures_not_of_their_notation() -> None:
    """A document that went through another program's JSON still fits."""
    one = profile(c__mean=1.0, rows=3).model_dump(mode="json")
    other = {**one, "measures": {"t.rows": 3.0, "t.c.mean": 1}}
    assert reporting.seal(one) == reporting.seal(other)
