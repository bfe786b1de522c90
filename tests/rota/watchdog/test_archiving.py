"""When closed runs are put away, how many at once, and when somebody is told that it lags."""

from datetime import UTC, datetime, timedelta

import pytest

from rota.archive import ArchiveReport
from rota.audit.verified import BrokenPlace, Place, Verification, What
from rota.notices.spec import Occasion
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
from rota.watchdog.memory import WatchMemory, remember
from rota.watchdog.telling import archive_line

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


def broken(*keys: str) -> Verification:
    """What a check of the archive has found."""
    places = [Place(what=What.RUN, agent="report", day="2026-11-22", key=key) for key in keys]
    places.append(Place(what=What.CHECKPOINT, agent="report", day="2026-11-22"))
    return Verification(
        at=NOW,
        runs=3,
        checkpoints=1,
        broken=tuple(
            BrokenPlace(
                place=each,
                run_id=f"report/{each.key}" if each.key else "",
                reason="gone",
                since=NOW,
            )
            for each in places
        ),
    )


def test_what_does_not_verify_is_told_once_each_and_once_when_it_is_mended() -> None:
    """Also by an attempt that came to nothing, or by a worker that does not look."""
    report = ArchiveReport(verification=broken("1", "2"))
    alerts, news = lagging((), archived(report, NOW), NOW)
    assert [each.alert.kind for each in news] == [Occasion.AUDIT_BROKEN] * 3
    assert [each.alert.reason for each in news] == [
        "the archived run report/1 of report does not verify: gone",
        "the archived run report/2 of report does not verify: gone",
        "the checkpoint of report of 2026-11-22 does not verify: gone",
    ]
    state = archived(ArchiveReport(), NOW + MINUTE, archived(report, NOW))
    alerts, news = lagging(alerts, state, NOW + MINUTE)
    assert (len(alerts), news) == (3, [])
    state = not_archived(state, "the store is down", NOW + 2 * MINUTE)
    alerts, news = lagging(alerts, state, NOW + 2 * MINUTE)
    assert (len(alerts), news) == (3, [])
    mended = archived(ArchiveReport(verification=broken("2")), NOW + 3 * MINUTE)
    alerts, news = lagging(alerts, mended, NOW + 3 * MINUTE)
    assert [(each.alert.run, each.resolved) for each in news] == [("report/1", True)]
    assert len(alerts) == 2


def test_next_check_of_the_agents_leaves_alerts_of_the_archive_as_they_are() -> None:
    """They are judged once closed runs were to be put away, and not before."""
    alerts, _ = lagging((), archived(ArchiveReport(verification=broken("1")), NOW), NOW)
    memory = WatchMemory(alerts=alerts, checked=NOW)
    after, news = remember(memory, "finance", [], NOW + MINUTE, whole=True)
    assert (after.alerts, news) == (alerts, [])


def test_page_of_a_check_says_what_was_verified() -> None:
    """And what does not hold, or why nobody could look."""
    state = archived(ArchiveReport(verification=broken("1")), NOW)
    told = archive_line(WatchMemory(archive=state))
    assert told.endswith("; 3 runs and 1 checkpoints verified, 2 do not hold")
    away = Verification(problem="the archive could not be verified: no route")
    state = archived(ArchiveReport(verification=away), NOW)
    assert archive_line(WatchMemory(archive=state)).endswith("could not be verified: no route")
