"""Slots by the Watchdog: what is late, what is not decided yet, and from where the next goes on."""

from datetime import datetime, timedelta

import pytest

from rota.expected.evidence import Evidence, Fired
from rota.expected.in_force import Chronicle, InForce
from rota.expected.live import LiveSchedule
from rota.keeper_state import LedgerEntry
from rota.notify_spec import Occasion
from rota.run_ref import RunRef
from rota.runs import RunStatus, Trigger
from rota.schedule_spec import ScheduleSpec
from rota.watchdog.sla import SlaSpec
from rota.watchdog.slot_rules import Judged, judge_slots
from tests.rota.desks import T0

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
HOURLY = ScheduleSpec.model_validate({"every": "1h", "overlap": "queue_all"})
SLA = SlaSpec.model_validate({"start_within": "10m"})


def entry(slot: datetime, minutes: int, status: RunStatus = RunStatus.RUNNING) -> LedgerEntry:
    """The slot's run, admitted so many minutes after it."""
    return LedgerEntry(
        run=RunRef(id=f"report-{slot:%H}", key=f"k{slot:%H}"),
        trigger=Trigger.SCHEDULE,
        slot=slot,
        status=status,
        admitted_at=slot + minutes * MINUTE,
    )


def judged(now: datetime, *entries: LedgerEntry, fired: Fired | None = None) -> Judged:
    """The slot of T0, and those after it."""
    evidence = Evidence(
        name="report",
        entries=entries,
        chronicle=Chronicle(declared=(InForce(since=T0 - HOUR, version="d", schedule=HOURLY),)),
        schedule=HOURLY,
        live=LiveSchedule(created=T0 - HOUR),
        fired={T0: fired} if fired else {},
    )
    return judge_slots(evidence, T0, now, sla=SLA)


@pytest.mark.parametrize(
    ("now", "run", "told"),
    [
        pytest.param(9, entry(T0, 1, RunStatus.QUEUED), [], id="still in time"),
        pytest.param(11, entry(T0, 1, RunStatus.QUEUED), [False], id="waits in a queue"),
        pytest.param(12, entry(T0, 11), [True], id="has begun meanwhile"),
        pytest.param(12, entry(T0, 9), [], id="began in time"),
    ],
)
def test_slot_whose_run_has_not_begun_in_time_is_late(
    now: int, run: LedgerEntry, told: list[bool]
) -> None:
    """Told also if it has begun meanwhile, then with its end."""
    found = judged(T0 + now * MINUTE, run).findings
    assert [(each.kind, each.over is not None) for each in found] == [
        (Occasion.LATE, over) for over in told
    ]


def test_slot_that_is_not_decided_is_judged_again_and_nothing_after_it() -> None:
    """The server holds the next ones back behind a run at work: that they come is still open."""
    now = T0 + 2 * HOUR + 30 * MINUTE
    found = judged(now, entry(T0, 0))
    assert found.decided_until == T0 + HOUR
    assert [each.kind for each in found.findings] == [Occasion.LATE, Occasion.LATE]
    assert found.unstarted == []


def test_run_that_ended_before_anybody_admitted_it_is_missed() -> None:
    """While it is open, its worker may come back."""
    now = T0 + 30 * MINUTE
    gone = Fired(run="report-06", at=T0, ended=T0 + MINUTE, how="terminated")
    (found,) = judged(now, fired=gone).findings
    assert (found.kind, "terminated" in found.reason) == (Occasion.MISSED, True)
    waiting = judged(now, fired=gone.model_copy(update={"ended": None, "how": ""}))
    assert [each.kind for each in waiting.findings] == [Occasion.LATE]
    assert waiting.decided_until == T0


def test_slots_for_which_nothing_began_are_counted_for_the_silence_of_the_fleet() -> None:
    """Not those behind a run at work."""
    found = judged(T0 + 2 * HOUR + 30 * MINUTE)
    assert found.unstarted == [T0, T0 + HOUR, T0 + 2 * HOUR]
    assert [(each.kind, each.count) for each in found.findings] == [(Occasion.MISSED, 3)]
