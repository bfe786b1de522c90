"""Slots by the Watchdog: what is told as missed, when that is over, and what is not decided yet."""

from datetime import timedelta
from typing import Any

import pytest

from rota.expected.evidence import Fired
from rota.expected.in_force import Chronicle, InForce
from rota.keepers.state import LedgerEntry
from rota.notices.spec import Occasion
from rota.run_ref import RunRef
from rota.runs import RunStatus, Trigger
from rota.schedule.spec import ScheduleSpec
from rota.watchdog.missing import UNDECIDED
from rota.watchdog.slot_rules import MOST_SLOTS
from tests.rota.keepers.desks import T0, pinned
from tests.rota.watchdog.slot_looks import HOUR, MINUTE, Checks, all_told, done, entry

HOURLY = {"every": "1h"}
HELD = {"every": "1h", "overlap": "queue_all"}
ALLOWED = {"every": "1h", "overlap": "allow"}
QUEUED = RunStatus.QUEUED
DAY = timedelta(days=1)


def test_slot_that_is_not_decided_is_judged_again() -> None:
    """The server holds the next ones back behind a run at work: that they come is still open."""
    found = Checks(HELD).look(T0 + 2 * HOUR + 30 * MINUTE, entry(T0))
    assert (found.decided_until, found.findings, found.unstarted) == (T0 + HOUR, [], [])


def test_run_that_ended_before_anybody_admitted_it_is_missed() -> None:
    """While it is open, its worker may come back."""
    now = T0 + 30 * MINUTE
    gone = Fired(run="report-06", at=T0, ended=T0 + MINUTE, how="terminated")
    (found,) = Checks().look(now, fired=gone).findings
    assert (found.kind, "terminated" in found.reason) == (Occasion.MISSED, True)
    waiting = gone.model_copy(update={"ended": None, "how": ""})
    judged = Checks().look(now, fired=waiting)
    assert (judged.findings, judged.decided_until) == ([], T0)


def test_slots_for_which_nothing_began_are_counted_for_the_silence_of_the_fleet() -> None:
    """Not those behind a run at work, nor such as may be about to start."""
    now = T0 + 2 * HOUR + 30 * MINUTE
    found = Checks().look(now, done(T0 - HOUR))
    assert found.unstarted == [T0, T0 + HOUR, T0 + 2 * HOUR]
    assert [(each.kind, each.count) for each in found.findings] == [(Occasion.MISSED, 3)]
    jittered = Checks({"every": "1h", "jitter": "40m"}).look(now, done(T0 - HOUR))
    assert jittered.unstarted == [T0, T0 + HOUR]
    assert Checks(HELD).look(now, entry(T0 - HOUR)).unstarted == []


@pytest.mark.parametrize(
    ("spec", "minutes", "told"),
    [
        pytest.param({}, 7, 0, id="a run that outlasts its interval now and then"),
        pytest.param({"wall_clock_seconds": 240.0}, 7, 2, id="longer than its wall clock"),
        pytest.param({"sla": {"finish_by": "4m"}}, 7, 2, id="longer than promised"),
        pytest.param({"sla": {"finish_by": "20m"}}, 7, 0, id="as promised"),
        pytest.param({"sla": {"start_within": "1m"}}, 7, 2, id="each slot is promised"),
        pytest.param({}, 40, 2, id="hangs"),
    ],
)
def test_slots_dropped_behind_a_run_are_missed_if_that_takes_longer_than_it_may(
    spec: dict[str, Any], minutes: int, told: int
) -> None:
    """With overlap `skip` somebody has declared that they are."""
    checks = Checks({"every": "5m"}, spec)
    run = entry(T0)
    ended = done(T0, minutes)
    after = entry(T0 + (10 if minutes < 10 else minutes) * MINUTE)
    late = T0 + (minutes - 1) * MINUTE
    seen = [(late, [run]), (T0 + minutes * MINUTE, [ended]), (after.admitted_at, [ended, after])]
    assert all_told(checks, seen) == told


@pytest.mark.parametrize(
    ("spec", "said", "told"),
    [
        pytest.param({"session_concurrency": "skip"}, {}, [], id="its session is busy"),
        pytest.param({}, {}, ["missed"], id="turned away for something else"),
        pytest.param(
            {}, {"same_as": RunRef(id="other", key="o")}, [], id="another works for its key"
        ),
    ],
)
def test_slot_that_is_skipped_as_declared_is_not_told(
    spec: dict[str, Any], said: dict[str, Any], told: list[str]
) -> None:
    """One that is skipped for anything else is."""
    skipped = entry(T0, 0, RunStatus.SKIPPED, ended=0, reason="the session is held", **said)
    manual = entry(T0 - MINUTE, trigger=Trigger.MANUAL)
    found = Checks(HOURLY, spec).look(T0 + 2 * MINUTE, manual, skipped).findings
    assert [each.kind.value for each in found] == told


@pytest.mark.parametrize(
    ("after", "ended"),
    [
        pytest.param({}, "", id="nothing has changed"),
        pytest.param({"schedule": None}, "it has no schedule any more", id="no schedule any more"),
        pytest.param({"schedule": {**HOURLY, "paused": True}}, "'paused: true'", id="paused"),
    ],
)
def test_missed_slot_is_over_if_no_later_run_can_end_it(after: dict[str, Any], ended: str) -> None:
    """The schedule was taken away, or is declared to stand still: nobody waits for a slot."""
    checks = Checks()
    before = InForce(
        since=T0 - HOUR, version="d", schedule=ScheduleSpec.model_validate(checks.schedule)
    )
    assert checks.told(T0 + 2 * MINUTE, done(T0 - HOUR)) == [("missed", "open")]
    for key, value in after.items():
        setattr(checks, key, value)
    now = T0 + 20 * MINUTE
    declared = InForce(since=T0 + 10 * MINUTE, version="e", schedule=checks.pinned.schedule)
    known = {"chronicle": Chronicle(declared=(before, declared)) if after else checks_known()}
    told = checks.told(now, done(T0 - HOUR), **known)
    assert [(kind, ended in said) for kind, said in told] == ([("missed", True)] if ended else [])


def checks_known() -> Chronicle:
    """What was in force all the time."""
    schedule = pinned(schedule=HOURLY).schedule
    return Chronicle(declared=(InForce(since=T0 - HOUR, version="d", schedule=schedule),))


@pytest.mark.parametrize(
    ("runs", "ended"),
    [
        pytest.param([], "", id="nobody has"),
        pytest.param([done(T0, 9, trigger=Trigger.MANUAL)], "", id="of one of two"),
        pytest.param(
            [
                done(T0, 9, trigger=Trigger.MANUAL),
                done(T0 + HOUR, 9, trigger=Trigger.BACKFILL),
            ],
            "made good by report-0700",
            id="of both",
        ),
        pytest.param(
            [done(T0, 9, trigger=Trigger.MANUAL), entry(T0 + HOUR, 30, QUEUED)],
            "",
            id="one waits in a queue",
        ),
    ],
)
def test_missed_slots_are_over_once_they_are_made_good(runs: list[LedgerEntry], ended: str) -> None:
    """By whatever the alert itself proposes; else a monthly agent's alert would last a month."""
    checks = Checks()
    assert checks.told(T0 + HOUR + 2 * MINUTE, done(T0 - HOUR)) == [("missed", "open")]
    told = checks.told(T0 + HOUR + 50 * MINUTE, done(T0 - HOUR), *runs)
    assert told == ([("missed", ended)] if ended else [])


def test_missed_last_slot_of_a_schedule_is_told_for_a_week() -> None:
    """No later slot ends it; what nobody has made good by then is left to `rota missed`."""
    checks = Checks({"every": "1h", "end": (T0 + MINUTE).isoformat()})
    assert checks.told(T0 + 2 * MINUTE, done(T0 - HOUR)) == [("missed", "open")]
    assert checks.told(T0 + UNDECIDED, done(T0 - HOUR)) == []
    ((kind, ended),) = checks.told(T0 + UNDECIDED + HOUR, done(T0 - HOUR))
    assert (kind, "no slot is to come" in ended) == ("missed", True)


def test_slot_that_waits_hides_no_later_one() -> None:
    """A run in a queue behind an approval: what is missed meanwhile is told at its time."""
    checks, waits = Checks(ALLOWED), entry(T0, 0, QUEUED)
    assert checks.told(T0 + 3 * MINUTE, waits) == []
    assert checks.told(T0 + HOUR + 2 * MINUTE, waits) == [("missed", "open")]
    assert checks.told(T0 + 3 * HOUR, waits) == []
    runs = [waits, entry(T0 + 3 * HOUR)]
    assert checks.told(T0 + 3 * HOUR + 2 * MINUTE, *runs) == [("missed", "report-0900 began")]
    assert checks.since == T0


def test_slot_that_waits_for_a_week_is_missed() -> None:
    """It is not forgotten: nobody can wait for it any longer."""
    checks = Checks(ALLOWED)
    runs = [entry(T0, 0, QUEUED), *(done(T0 + n * HOUR) for n in range(1, 24 * 7 + 1))]
    assert checks.told(T0 + UNDECIDED - MINUTE, *runs) == []
    told = checks.told(T0 + UNDECIDED + MINUTE, *runs)
    assert told == [("missed", "open"), ("missed", "report-0700 began")]
    assert "it has waited for 7d" in checks.alerts[0].reason


def test_slots_that_cannot_be_looked_up_are_not_told() -> None:
    """The store is away: whether they ran is in a page of the ledger that nobody can read."""
    checks = Checks()
    now = T0 + HOUR + 2 * MINUTE
    away = {"unread": "the store is away", "unread_until": T0}
    assert checks.told(now, done(T0 + HOUR), **away) == []
    assert checks.since == T0
    assert checks.told(now, done(T0), done(T0 + HOUR)) == []


def test_new_slots_are_judged_however_many_old_ones_are_left() -> None:
    """One that has waited for days must not keep an agent of every minute from being watched."""
    checks = Checks({"every": "1m"})
    now = T0 + 2 * DAY + 2 * MINUTE
    checks.fresh = now - 10 * MINUTE
    judged = checks.look(now, entry(T0, 0, QUEUED))
    assert judged.decided_until == T0
    newest = max(each.last for each in judged.findings if each.last)
    assert newest > T0 + MOST_SLOTS * MINUTE
    ahead = Checks({"every": "1m"}).look(now, done(T0))
    assert ahead.decided_until == T0 + (MOST_SLOTS - 1) * MINUTE
