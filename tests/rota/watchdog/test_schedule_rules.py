"""Schedules that do not start what is declared: told once, and once when it is over."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from rota.expected.by_hand import JUST_DECLARED
from rota.expected.in_force import Chronicle, InForce, Toggle, toggled
from rota.expected.live import LiveSchedule
from rota.schedule.spec import ScheduleSpec
from rota.watchdog.alerts import Alert, Scope, carry_on
from rota.watchdog.schedule_rules import schedule_changed
from rota.watchdog.telling import fact_of
from tests.rota.keepers.desks import HOUR, T0, pinned

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
HOURLY: dict[str, Any] = {"every": "1h"}
SPEC = pinned(schedule=HOURLY, schedule_id="report")


def since(moment: datetime) -> Chronicle:
    """What a keeper knows to which it was declared then."""
    schedule = ScheduleSpec.model_validate(HOURLY)
    return Chronicle(declared=(InForce(since=moment, version="d", schedule=schedule),))


OLD = since(T0 - 9 * DAY)
CHANGED = LiveSchedule(created=T0 - 9 * DAY, differs=("schedule.every is 2h, not 1h",))
PAUSED = LiveSchedule(created=T0 - 9 * DAY, paused=True, note="ann")


@pytest.mark.parametrize(
    ("live", "said"),
    [
        pytest.param(LiveSchedule(), [], id="as declared"),
        pytest.param(None, ["somebody has deleted it"], id="deleted"),
        pytest.param(PAUSED, ["is paused: ann"], id="paused"),
        pytest.param(CHANGED, ["not the declared one: schedule.every is 2h, not 1h"], id="changed"),
        pytest.param(
            PAUSED.model_copy(update={"differs": ("schedule.every is 2h, not 1h",)}),
            ["is paused", "not the declared one"],
            id="paused and changed",
        ),
        pytest.param(LiveSchedule(has_next=False), ["come to its end"], id="ended"),
    ],
)
def test_schedule_that_does_not_start_what_is_declared_is_told(
    live: LiveSchedule | None, said: list[str]
) -> None:
    """Unless it is declared paused, or not at all."""
    found = schedule_changed(SPEC, live, OLD, T0)
    assert len(found) == len(said)
    assert all(words in each.reason for words, each in zip(said, found, strict=True))
    assert all(each.over is None for each in found)
    paused = pinned(schedule={**HOURLY, "paused": True}, schedule_id="report")
    assert schedule_changed(paused, live, OLD, T0) == []
    assert schedule_changed(pinned(), live, OLD, T0) == []


def test_schedule_that_was_declared_just_now_is_given_time_to_be_written() -> None:
    """What was changed after it was written is told at once."""
    just = T0 - JUST_DECLARED / 2
    written = CHANGED.model_copy(update={"changed": just + timedelta(seconds=1)})
    assert schedule_changed(SPEC, CHANGED, since(just), T0) == []
    assert len(schedule_changed(SPEC, written, since(just), T0)) == 1
    assert len(schedule_changed(SPEC, CHANGED, since(just), T0 + JUST_DECLARED)) == 1


def test_end_that_is_declared_is_told_and_over_at_once() -> None:
    """Nobody must edit anything to be rid of the alert."""
    last = ScheduleSpec(cron=("0 * * * *",), end=T0 - HOUR)
    once = pinned(schedule=last.model_dump(), schedule_id="report")
    (found,) = schedule_changed(once, LiveSchedule(has_next=False), OLD, T0)
    assert (found.over, found.ended) == (T0, "that is as declared")
    alerts, news = carry_on([], [found], Scope(("report",)), T0)
    assert [each.resolved for each in news] == [False, True]
    (again,) = schedule_changed(once, LiveSchedule(has_next=False), OLD, T0 + MINUTE)
    assert carry_on(alerts, [again], Scope(("report",)), T0 + MINUTE)[1] == []


class Checks:
    """A Watchdog that looks at one schedule, minute by minute."""

    def __init__(self) -> None:
        self.known: list[Alert] = []
        self.told: list[tuple[str, bool]] = []

    def look(self, minutes: int, live: LiveSchedule, chronicle: Chronicle = OLD) -> None:
        """One check; what it tells is kept."""
        now = T0 + minutes * MINUTE
        found = schedule_changed(SPEC, live, chronicle, now)
        self.known, news = carry_on(self.known, found, Scope(("report",)), now)
        self.told += [(fact_of("f", each).id, each.resolved) for each in news]


@pytest.mark.parametrize("touched", [False, True])
def test_pause_is_one_alert_however_often_the_schedule_is_touched_meanwhile(touched: bool) -> None:
    """Nor does it matter whether the server tells when, or when the keeper hears of it."""
    checks = Checks()
    for minute in range(5):
        changed = {"changed": T0 + minute * MINUTE} if touched else {}
        live = PAUSED.model_copy(update=changed)
        heard = toggled(OLD, Toggle(at=T0 + timedelta(seconds=1), paused=True))
        checks.look(minute, live, OLD if minute < 2 else heard)
    assert [resolved for _, resolved in checks.told] == [False]
    checks.look(6, LiveSchedule())
    assert [resolved for _, resolved in checks.told] == [False, True]


def test_second_pause_is_told_even_if_the_keeper_knows_of_the_first_alone() -> None:
    """Paused by command, resumed and paused again in the UI: channels take it for something new."""
    checks = Checks()
    heard = toggled(OLD, Toggle(at=T0, paused=True, note="month end"))
    checks.look(1, PAUSED, heard)
    checks.look(2, LiveSchedule(), toggled(heard, Toggle(at=T0 + 2 * MINUTE, paused=False)))
    checks.look(120, PAUSED.model_copy(update={"note": "again"}))
    assert [resolved for _, resolved in checks.told] == [False, True, False]
    assert len({fact for fact, _ in checks.told}) == 3
    assert checks.known[0].reason == "its schedule is paused: again"
