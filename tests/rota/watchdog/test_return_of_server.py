"""Slots that came while nobody was there, judged in the moment in which the server is back."""

from datetime import timedelta
from typing import Any

import pytest

from rota.expected.evidence import Outage
from rota.runs import RunStatus
from rota.watchdog.memory import PUNCTUAL, WatchMemory, resumed
from tests.rota.keepers.desks import T0
from tests.rota.watchdog.slot_looks import MINUTE, Checks, done, entry

SECOND = timedelta(seconds=1)
HOURLY: dict[str, Any] = {"cron": "0 * * * *", "catchup": {"policy": "latest", "window": "1h"}}
SLOT = T0 + 60 * MINUTE
BACK = T0 + 63 * MINUTE


def returned(schedule: dict[str, Any]) -> Checks:
    """Checks since T0 + 55m; from T0 + 58m to T0 + 63m the server was away."""
    return Checks(schedule, since=T0, unwatched=Outage(since=T0 + 58 * MINUTE, until=BACK))


def test_slot_that_is_about_to_be_caught_up_on_is_not_told() -> None:
    """The check may be the first that the server starts, before any run; nor is it silence."""
    checks = returned(HOURLY)
    judged = checks.look(BACK + SECOND, done(T0))
    assert (judged.findings, judged.unstarted, judged.decided_until) == ([], [], SLOT)
    assert checks.told(BACK + SECOND, done(T0)) == []
    late = entry(SLOT, 3, RunStatus.SUCCEEDED, ended=4)
    assert checks.told(BACK + MINUTE, done(T0), late) == []


def test_slot_that_the_server_does_not_catch_up_on_is_told_a_minute_later() -> None:
    """Once, and by the next check also if that comes much later."""
    checks = returned(HOURLY)
    assert checks.told(BACK + SECOND, done(T0)) == []
    assert checks.told(BACK + 10 * SECOND, done(T0)) == []
    assert checks.told(BACK + 61 * SECOND, done(T0)) == [("missed", "open")]
    assert checks.told(BACK + 121 * SECOND, done(T0)) == []


@pytest.mark.parametrize(
    ("schedule", "gone"),
    [
        pytest.param(
            {"cron": "0 * * * *", "catchup": {"window": "1m"}}, 58, id="older than its window"
        ),
        pytest.param(HOURLY, 62, id="the check before had seen it"),
    ],
)
def test_slot_that_is_gone_already_is_told_at_once(schedule: dict[str, Any], gone: int) -> None:
    """Nothing can start it any more, or nothing has kept it from being started."""
    checks = returned(schedule)
    checks.unwatched = Outage(since=T0 + gone * MINUTE, until=BACK)
    assert checks.told(BACK + SECOND, done(T0)) == [("missed", "open")]


def test_newest_slot_is_not_told_while_an_older_one_is_being_caught_up_on() -> None:
    """The older one shows that the server was away; the newest has come a moment ago."""
    often = {"cron": "*/2 * * * *", "catchup": {"policy": "latest", "window": "10m"}}
    checks = Checks(often, unwatched=Outage(since=T0 + MINUTE, until=T0 + 6 * MINUTE))
    back = T0 + 6 * MINUTE + 20 * SECOND
    first = entry(T0 + 2 * MINUTE).model_copy(update={"admitted_at": back})
    assert checks.told(back + SECOND, done(T0), first) == []
    checks.unwatched = None
    (found,) = checks.look(back + SECOND, done(T0), first).findings
    assert (found.count, found.last) == (1, T0 + 4 * MINUTE)


@pytest.mark.parametrize(
    ("since_last", "is_gap"),
    [(MINUTE, False), (MINUTE + PUNCTUAL, False), (2 * MINUTE, True), (timedelta(days=1), True)],
)
def test_time_without_checks_is_remembered(since_last: timedelta, is_gap: bool) -> None:
    """A check that comes later than it should was kept from coming, as all else was."""
    memory = resumed(WatchMemory(checked=T0), MINUTE, T0 + since_last)
    assert memory.unwatched == (Outage(since=T0, until=T0 + since_last) if is_gap else None)


def test_time_without_checks_stays_known_to_the_check_after() -> None:
    """Checks may follow one another faster than the server catches up."""
    gap = Outage(since=T0 - MINUTE, until=T0)
    memory = WatchMemory(checked=T0, unwatched=gap)
    assert resumed(memory, 10 * SECOND, T0 + 10 * SECOND).unwatched == gap
    assert resumed(WatchMemory(), MINUTE, T0).unwatched is None
