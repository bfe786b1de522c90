"""Slots: which scheduled runs may work, and what is said of the others."""

from datetime import timedelta

import pytest

from rota.failures import FailureCategory
from rota.ids import format_slot
from rota.keepers.admission import Decision
from rota.runs import RunStatus, Trigger
from tests.rota.keepers.desks import HOUR, T0, Desk

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
SLOTS = [T0 + n * HOUR for n in range(6)]


@pytest.mark.parametrize("status", [RunStatus.SUCCEEDED, RunStatus.RUNNING, RunStatus.QUEUED])
def test_slot_that_is_taken_is_skipped(status: RunStatus) -> None:
    """A slot that has succeeded, or is being worked on, is not worked on again."""
    desk = Desk()
    if status is RunStatus.QUEUED:
        desk.admit("holder")
    desk.admit("r1", T0)
    if status is RunStatus.SUCCEEDED:
        desk.settle("r1")
    answer = desk.admit("r2", T0)
    assert (answer.decision, answer.reason) == (Decision.SKIP, f"slot already {status} as r1")


@pytest.mark.parametrize("settled", [True, False])
def test_slot_of_a_handoff_is_not_taken(settled: bool) -> None:
    """It is its caller's: a call at 06:00 is not the scheduled work of 06:00."""
    desk = Desk(session_concurrency="parallel")
    desk.admit("called", T0, trigger=Trigger.HANDOFF)
    if settled:
        desk.settle("called")
    assert desk.admit("r1", T0).decision is Decision.GO


@pytest.mark.parametrize("status", [RunStatus.FAILED, RunStatus.CANCELLED, RunStatus.BLOCKED])
def test_slot_that_came_to_nothing_may_run_again(status: RunStatus) -> None:
    """A slot without a success is free."""
    desk = Desk()
    desk.admit("r1", T0)
    desk.settle("r1", status)
    assert desk.admit("r2", T0).decision is Decision.GO


@pytest.mark.parametrize("trigger", [Trigger.SCHEDULE, Trigger.BACKFILL])
def test_slot_whose_effect_is_unknown_is_repeated_by_a_person_alone(trigger: Trigger) -> None:
    """What may have been done is no gap to fill; once a person had it run again, that counts."""
    desk = Desk()
    desk.admit("r1", T0)
    desk.settle("r1", RunStatus.FAILED, category=FailureCategory.OUTCOME_UNKNOWN)
    answer = desk.admit("r2", T0, trigger=trigger)
    assert answer.decision is Decision.SKIP
    assert answer.reason == (
        "r1 may have done it: its effect is unknown, so it is not repeated: look, then run it "
        "again with `rota rerun r1`"
    )
    desk.order("forced", T0, force=True)
    assert desk.admit("forced", T0, trigger=Trigger.BACKFILL).decision is Decision.GO
    desk.settle("forced", RunStatus.FAILED, category=FailureCategory.OUTCOME_UNKNOWN)
    assert desk.admit("again", T0, trigger=Trigger.RERUN).decision is Decision.GO
    desk.settle("again", RunStatus.FAILED)
    assert desk.admit("r3", T0, trigger=trigger).decision is Decision.GO


def test_slot_named_by_a_person_always_runs() -> None:
    """Neither success, nor lateness, nor newer slots hold back who names a slot."""
    desk = Desk()
    desk.admit("r1", T0)
    desk.settle("r1")
    answer = desk.at(SLOTS[5]).admit("again", T0, *SLOTS[1:], trigger=Trigger.MANUAL)
    assert answer.decision is Decision.GO


def test_slot_asked_for_by_a_backfill_runs_however_late() -> None:
    """A person's backfill of the schedule is not a missed slot."""
    for policy in ("latest", "skip"):
        desk = Desk(catchup_policy=policy).at(SLOTS[5])
        assert desk.admit("r0", T0, *SLOTS[1:], backfill=True).decision is Decision.GO


@pytest.mark.parametrize(
    ("status", "decision"),
    [
        (RunStatus.SUCCEEDED, Decision.SKIP),
        (RunStatus.RUNNING, Decision.SKIP),
        (RunStatus.QUEUED, Decision.SKIP),
        (RunStatus.FAILED, Decision.GO),
        (RunStatus.CANCELLED, Decision.GO),
    ],
)
def test_backfill_only_fills_gaps(status: RunStatus, decision: Decision) -> None:
    """A slot that has succeeded, or is being worked on, by whatever trigger, is left alone."""
    desk = Desk(session_concurrency="queue")
    if status is RunStatus.QUEUED:
        desk.admit("holder")
    desk.admit("r1", T0, trigger=Trigger.MANUAL)
    if status.closed:
        desk.settle("r1", status)
    answer = desk.at(SLOTS[5]).admit("fill", T0, trigger=Trigger.BACKFILL)
    assert answer.decision is decision
    if decision is Decision.SKIP:
        assert answer.reason == f"slot already {status} as r1"


def test_backfill_is_never_missed_or_coalesced() -> None:
    """Past slots are what a backfill is for, whatever the catch-up policy."""
    for policy in ("latest", "skip"):
        desk = Desk(catchup_policy=policy).at(SLOTS[5])
        answer = desk.admit("fill", T0, *SLOTS[1:], trigger=Trigger.BACKFILL)
        assert answer.decision is Decision.GO


def test_backfill_forced_by_its_order_runs_a_done_slot_again() -> None:
    """Force is the order's, found by the run's id; another run of the slot has none."""
    desk = Desk(session_concurrency="parallel")
    desk.admit("r1", T0)
    desk.settle("r1")
    desk.order("forced", T0, force=True)
    desk.order("plain", T0, force=False)
    assert desk.admit("plain", T0, trigger=Trigger.BACKFILL).decision is Decision.SKIP
    assert desk.admit("forced", T0, trigger=Trigger.BACKFILL).decision is Decision.GO


def test_rerun_of_a_slot_that_succeeded_runs() -> None:
    """Who asks for a re-run means it."""
    desk = Desk()
    desk.admit("r1", T0)
    desk.settle("r1")
    assert desk.admit("again", T0, trigger=Trigger.RERUN).decision is Decision.GO


def test_latest_names_the_newest_slot_and_every_slot_passed_over() -> None:
    """The skipped run points to the newest slot; those between are each noted once."""
    desk = Desk().at(SLOTS[4])
    answer = desk.admit("r0", SLOTS[0], *SLOTS[1:5])
    newest = format_slot(SLOTS[4])
    assert (answer.decision, answer.coalesced_into) == (Decision.SKIP, SLOTS[4])
    assert answer.reason == f"missed; coalesced into {newest}"
    assert sorted(desk.ledger()) == [(slot, "skipped", answer.reason) for slot in SLOTS[:4]]
    assert all(entry.coalesced_into == SLOTS[4] for entry in desk.state.ledger.values())
    assert desk.admit("r4", SLOTS[4]).decision is Decision.GO


def test_latest_repeated_names_the_same_slot_though_newer_ones_passed() -> None:
    """A repeated request is told of the same newest slot, so that it can be started."""
    desk = Desk().at(SLOTS[2])
    first = desk.admit("r0", SLOTS[0], *SLOTS[1:3])
    before = desk.state
    assert desk.at(SLOTS[4]).admit("r0", SLOTS[0], *SLOTS[1:5]) == first
    assert desk.state == before


def test_latest_with_a_queueing_schedule_leaves_one_entry_per_slot() -> None:
    """The server starts the slots passed over all the same: still one entry each (I1)."""
    desk = Desk().at(SLOTS[4])
    desk.admit("r0", SLOTS[0], *SLOTS[1:5])
    desk.admit("r4", SLOTS[4])
    for n in (1, 2, 3):
        assert desk.admit(f"r{n}", SLOTS[n], *SLOTS[n + 1 : 5]).decision is Decision.SKIP
    slots = [slot for slot, _, _ in desk.ledger()]
    assert sorted(filter(None, slots)) == SLOTS[:5]
    assert all(entry.run is not None for entry in desk.state.ledger.values())


def test_latest_points_to_a_newest_slot_that_ran_already() -> None:
    """A missed slot stays skipped; the newest slot's own second run is refused."""
    desk = Desk().at(SLOTS[2])
    desk.admit("by-hand", SLOTS[2], trigger=Trigger.MANUAL)
    desk.settle("by-hand")
    assert desk.admit("r0", SLOTS[0], *SLOTS[1:3]).coalesced_into == SLOTS[2]
    answer = desk.admit("r2", SLOTS[2])
    assert answer.reason == "slot already succeeded as by-hand"


def test_slot_that_waited_behind_an_earlier_run_is_not_missed() -> None:
    """A queueing overlap policy makes slots late on purpose."""
    for policy in ("latest", "skip"):
        desk = Desk(catchup_policy=policy)
        desk.admit("r0", SLOTS[0])
        desk.at(SLOTS[3]).settle("r0")
        assert desk.admit("r1", SLOTS[1], *SLOTS[2:4]).decision is Decision.GO


@pytest.mark.parametrize("end", [RunStatus.SKIPPED, RunStatus.SUCCEEDED])
def test_slot_after_idle_time_is_missed(end: RunStatus) -> None:
    """Neither a run that ended before the slot, nor a skipped one, makes the agent busy."""
    desk = Desk()
    if end is RunStatus.SUCCEEDED:
        desk.admit("r0", SLOTS[0])
        desk.at(SLOTS[0] + MINUTE).settle("r0")
    else:
        desk.at(SLOTS[3]).admit("r0", SLOTS[0], *SLOTS[1:4])
    answer = desk.at(SLOTS[3]).admit("r1", SLOTS[1], *SLOTS[2:4])
    assert answer.coalesced_into == SLOTS[3]


def test_slot_after_a_lost_run_is_judged_again_once_that_is_reclaimed() -> None:
    """A run that never settled counts as busy only until the keeper has looked after it."""
    desk = Desk(session_concurrency="parallel")
    desk.admit("lost", SLOTS[0])
    assert desk.at(SLOTS[5]).admit("r1", SLOTS[1], *SLOTS[2:]).decision is Decision.GO
    desk = Desk(session_concurrency="parallel")
    desk.admit("lost", SLOTS[0])
    desk.at(SLOTS[0] + MINUTE).settle("lost", RunStatus.FAILED)
    answer = desk.at(SLOTS[5]).admit("r1", SLOTS[1], *SLOTS[2:])
    assert answer.coalesced_into == SLOTS[5]


@pytest.mark.parametrize(
    ("policy", "jitter", "late", "decision"),
    [
        ("skip", 0, 59 * SECOND, Decision.GO),
        ("skip", 0, 61 * SECOND, Decision.SKIP),
        ("skip", 30, 80 * SECOND, Decision.GO),
        ("skip", 30, 91 * SECOND, Decision.SKIP),
        ("latest", 0, 5 * HOUR, Decision.GO),
        ("all", 0, 5 * HOUR, Decision.GO),
    ],
)
def test_slot_alone_and_late_is_judged_by_its_policy(
    policy: str, jitter: float, late: timedelta, decision: Decision
) -> None:
    """Without a newer slot only `skip` turns away, and only beyond jitter and a minute."""
    desk = Desk(catchup_policy=policy, jitter_seconds=jitter).at(T0 + late)
    answer = desk.admit("r0", T0)
    assert answer.decision is decision
    if decision is Decision.SKIP:
        assert answer.reason == "missed: it could not start on time and catch-up is 'skip'"


def test_all_runs_every_missed_slot() -> None:
    """With `all`, newer slots hold nobody back."""
    desk = Desk(catchup_policy="all").at(SLOTS[5])
    assert desk.admit("r0", SLOTS[0], *SLOTS[1:]).decision is Decision.GO
