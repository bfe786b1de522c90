"""Runs that succeed and are odd: found against their agent's own history, never without enough."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rota.keepers.state import LedgerEntry
from rota.run_ref import RunRef
from rota.runs import RunStatus, Trigger
from rota.usage import Usage
from rota.watchdog.alerts import Alert, Finding
from rota.watchdog.oddness import EMPTY_STREAK, LEAST_FACTOR, LEAST_HISTORY, odd_runs, outlier
from tests.rota.keepers.desks import T0

HOUR = timedelta(hours=1)


def success(
    number: int, *, seconds: float = 60.0, tokens: int = 5000, size: int = 400, empty: bool = False
) -> LedgerEntry:
    """The run of an hour."""
    began = T0 + number * HOUR
    return LedgerEntry(
        run=RunRef(id=f"report-{number}", key=f"k{number}"),
        trigger=Trigger.SCHEDULE,
        slot=began,
        status=RunStatus.SUCCEEDED,
        admitted_at=began,
        settled_at=began + timedelta(seconds=seconds),
        usage=Usage(input_tokens=tokens),
        output_bytes=size,
        output_empty=empty,
    )


def ordinary(count: int) -> list[LedgerEntry]:
    """Runs that differ a little."""
    return [success(n, seconds=50 + n % 20, tokens=4800 + 37 * (n % 11)) for n in range(count)]


def odd(entries: list[LedgerEntry], new: int = 1, known: tuple[Alert, ...] = ()) -> list[Finding]:
    """What is found of the newest."""
    since = entries[-new].settled_at
    assert since is not None
    return odd_runs("report", "default", entries, since, known)


@pytest.mark.parametrize(
    ("run", "what"),
    [
        pytest.param(success(40, seconds=900), "900s, where 60", id="long"),
        pytest.param(success(40, seconds=2), "2s, where 60", id="short"),
        pytest.param(success(40, tokens=60_000), "60,000 tokens", id="dear"),
        pytest.param(success(40, size=90_000), "90,000 bytes of result, where 400", id="large"),
        pytest.param(success(40, seconds=100), "", id="ordinary"),
    ],
)
def test_success_unlike_those_before_it_is_odd(run: LedgerEntry, what: str) -> None:
    """What is measured, and what is usual, are told."""
    found = odd([*ordinary(40), run])
    assert [what in each.reason for each in found] == ([True] if what else [])


def test_nothing_is_odd_without_enough_history() -> None:
    """Of the first runs nobody knows what is usual."""
    far = success(LEAST_HISTORY - 1, seconds=90_000, tokens=10**7)
    assert odd([*ordinary(LEAST_HISTORY - 1), far]) == []
    assert odd([*ordinary(LEAST_HISTORY), success(LEAST_HISTORY, seconds=90_000)])


def test_empty_results_in_a_row_are_odd_of_an_agent_that_seldom_has_any() -> None:
    """One alone is not; and of an agent whose results are empty most of the time none is."""
    filled = ordinary(30)
    row = [success(30 + n, empty=True) for n in range(EMPTY_STREAK)]
    assert odd([*filled, *row[:-1]], new=2) == []
    (found,) = odd([*filled, *row])
    assert "3 empty results in a row" in found.reason
    mostly = [success(n, empty=n % 3 > 0) for n in range(30)]
    assert odd([*mostly, *row]) == []


def test_odd_run_is_one_alert_until_an_ordinary_one() -> None:
    """Told once for a row of them, found again by later checks, over with the next ordinary."""
    history = ordinary(30)
    first, second, third = (success(n, seconds=900) for n in (30, 31, 32))
    (found,) = odd([*history, first, second], new=2)
    assert (found.count, found.run) == (2, "report-31")
    alert = Alert.model_validate({**found.model_dump(), "opened": T0})
    (again,) = odd_runs("report", "default", [*history, first, second], T0 + 999 * HOUR, (alert,))
    assert (again.key, again.over) == (alert.key, None)
    (longer,) = odd([*history, first, second, third], known=(alert,))
    assert (longer.key, longer.count) == (alert.key, 3)
    end = success(33)
    (over,) = odd([*history, first, second, third, end], known=(alert,))
    assert (over.key, over.over) == (alert.key, end.settled_at)


values = st.floats(1, 1e6)


@given(history=st.lists(values, min_size=LEAST_HISTORY, max_size=80), value=values)
def test_what_lies_within_the_history_by_the_least_factor_is_ordinary(
    history: list[float], value: float
) -> None:
    """Less than so many times the median; nor is what the history is made of."""
    usual = outlier(value, history, 0)
    if usual is not None:
        assert not usual / LEAST_FACTOR < value < usual * LEAST_FACTOR
    assert outlier(value, [value] * len(history), 0) is None


@given(
    spoiled=st.lists(st.floats(1e7, 1e9), max_size=8),
    usual=st.lists(st.floats(90, 110), min_size=30, max_size=40),
)
def test_odd_runs_among_the_history_do_not_make_the_next_ordinary(
    spoiled: list[float], usual: list[float]
) -> None:
    """A fifth of the history may be anything at all."""
    assert outlier(1000.0, [*usual, *spoiled], 0) is not None
    assert outlier(100.0, [*usual, *spoiled], 0) is None
