"""When closed runs are put away, how many at once, and when somebody is told that it lags."""

from datetime import UTC, datetime, timedelta

import pytest

from rota.archive import ArchiveReport
from rota.watchdog.archiving import (
    LIMIT,
    MOST_LAG,
    ArchiveState,
    archived,
    is_due,
    lagging,
    limit_of,
    not_archived,
)

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("every", "limit"),
    [
        (10 * MINUTE / 60, LIMIT),
        (MINUTE, LIMIT),
        (5 * MINUTE, 5 * LIMIT),
        (60 * MINUTE, 60 * LIMIT),
    ],
)
def test_rare_checks_put_away_as_many_runs_an_hour_as_frequent_ones(
    every: timedelta, limit: int
) -> None:
    """A fleet makes as many runs, however seldom somebody looks."""
    assert limit_of(every) == limit


@pytest.mark.parametrize(
    ("state", "due"),
    [
        (None, True),
        (ArchiveState(), True),
        (ArchiveState(at=NOW - MINUTE), False),
        (ArchiveState(at=NOW - MINUTE, left=1), True),
        (ArchiveState(at=NOW - 5 * MINUTE), True),
    ],
)
def test_next_attempt_is_soon_if_something_was_left(state: ArchiveState | None, due: bool) -> None:
    """Else after a pause."""
    assert is_due(state, NOW) is due


def test_runs_that_were_lost_and_missing_keys_are_told() -> None:
    """Both keep the archive from being whole."""
    report = ArchiveReport(archived=3, losses=2, problem="no signing key", lag_seconds=7)
    state = archived(report, NOW)
    assert (state.archived, state.lag_seconds) == (3, 7)
    assert state.problem == "no signing key; 2 runs were forgotten by the server before"


def test_lag_is_told_once_and_once_when_it_is_over() -> None:
    """Also while every attempt fails, and nobody knows how far it is behind."""
    state = ArchiveState(at=NOW - MOST_LAG)
    failing = not_archived(state, "the store is down", NOW - MOST_LAG)
    alerts, news = lagging((), failing, NOW)
    assert (alerts, news) == ((), [])
    failing = not_archived(failing, "the store is down", NOW + MINUTE)
    alerts, news = lagging((), failing, NOW + MINUTE)
    assert "the store is down" in news[0].alert.reason
    alerts, news = lagging(alerts, failing, NOW + 2 * MINUTE)
    assert (len(alerts), news) == (1, [])
    alerts, news = lagging(alerts, archived(ArchiveReport(), NOW + 3 * MINUTE), NOW + 3 * MINUTE)
    assert len(news) == 1
    assert not any(alert.is_open for alert in alerts)
