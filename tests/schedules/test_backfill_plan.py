"""What a backfill would do: windows, verdicts, ids; pure."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rota.agent_spec import AgentSpec
from rota.keepers.admission import RunRef
from rota.keepers.orders import request_backfill
from rota.keepers.run_orders import Backfill, RunOrder
from rota.keepers.state import KeeperState, LedgerEntry
from rota.pinned_spec import PinnedSpec
from rota.runs import Covers, RunStatus, Trigger
from schedules.backfill import BackfillError, Choice, Finding, needs_pages, plan_slots, slots_in
from schedules.backfill_request import in_progress, outcomes_of, request_of, subject_of
from schedules.backfill_window import Window, WindowError, window_of
from tests.stack import script

SLOT = datetime(2026, 11, 1, 5, tzinfo=UTC)
NOW = datetime(2026, 11, 20, tzinfo=UTC)
DAILY = {"cron": "0 6 * * *", "timezone": "Europe/Berlin"}


def pinned(**declaration: Any) -> PinnedSpec:
    """A daily agent."""
    given = {"name": "report", "runtime": script({"result": 1}), "schedule": DAILY, **declaration}
    return PinnedSpec.of(AgentSpec.model_validate(given))


def entry(status: RunStatus, **fields: Any) -> LedgerEntry:
    """An entry of `SLOT`, of a scheduled run unless `run` says otherwise."""
    given = {
        "run": RunRef(id="report-1", key="k1"),
        "trigger": Trigger.SCHEDULE,
        "slot": SLOT,
        "session": "default",
        "admitted_at": SLOT,
    }
    return LedgerEntry.model_validate({**given, "status": status, **fields})


WINDOWS = [
    ("2026-11-01", "2026-11-01", "2026-10-31T23:00:00Z", "2026-11-01T22:59:59Z"),
    ("2026-10-25", "2026-10-25", "2026-10-24T22:00:00Z", "2026-10-25T22:59:59Z"),
    ("2026-03-29", "2026-03-29", "2026-03-28T23:00:00Z", "2026-03-29T21:59:59Z"),
    ("2026-11-01T06:00:00+01:00", "2026-11-02", "2026-11-01T05:00:00Z", "2026-11-02T22:59:59Z"),
    (
        "2026-11-01T05:00:00Z",
        "2026-11-01T05:00:00Z",
        "2026-11-01T05:00:00Z",
        "2026-11-01T05:00:00Z",
    ),
]


@pytest.mark.parametrize(("start", "end", "first", "last"), WINDOWS)
def test_window_of_dates_and_times_is_whole_local_days(
    start: str, end: str, first: str, last: str
) -> None:
    """A date is the schedule's own day, 23 or 25 hours long when the clocks change."""
    window = window_of(start, end, "Europe/Berlin")
    expected = (datetime.fromisoformat(first), datetime.fromisoformat(last))
    assert (window.start, window.end) == expected


def test_window_that_begins_at_a_midnight_left_out_begins_with_the_day() -> None:
    """Where clocks go from 23:59 to 01:00 the day begins at the change."""
    window = window_of("2018-11-04", "2018-11-04", "America/Sao_Paulo")
    assert window.start == datetime(2018, 11, 4, 3, tzinfo=UTC)
    assert window.end == datetime(2018, 11, 5, 1, 59, 59, tzinfo=UTC)


BAD_WINDOWS = [
    ("yesterday", "2026-11-02", "no date or time"),
    ("2026-11-31", "2026-12-02", "no date or time"),
    ("2026-11-01T06:00:00", "2026-11-02", "no offset"),
    ("2026-11-02", "2026-11-01", "exchange them"),
    ("1969-12-31", "2026-11-01", "between 1970 and 2200"),
    ("0001-01-01", "2026-11-01", "no date or time"),
    ("2026-11-01", "9999-12-31", "no date or time"),
]


@pytest.mark.parametrize(("start", "end", "told"), BAD_WINDOWS)
def test_window_that_is_none_is_told_with_an_example(start: str, end: str, told: str) -> None:
    """Whatever was typed, the message says what is wrong with it."""
    with pytest.raises(WindowError, match=told):
        window_of(start, end, "Europe/Berlin")


def test_slots_include_both_ends_and_nothing_to_come() -> None:
    """The slots at the window's very ends are in it, those after now are not."""
    hourly = pinned(schedule={"cron": "0 * * * *"})
    window = Window(SLOT, SLOT + timedelta(hours=3))
    assert len(slots_in(hourly, window, NOW)) == 4
    assert slots_in(hourly, window, SLOT + timedelta(minutes=90)) == [
        SLOT,
        SLOT + timedelta(hours=1),
    ]


@pytest.mark.parametrize(
    ("declaration", "start", "told"),
    [
        ({"schedule": None}, SLOT, "has no schedule"),
        ({}, NOW + timedelta(seconds=1), "yet to come"),
        ({"schedule": {"every": "1m"}}, SLOT, "more than 2000 slots"),
    ],
)
def test_slots_that_cannot_be_filled_are_told_why(
    declaration: dict[str, Any], start: datetime, told: str
) -> None:
    """No schedule, a future window and too many slots are errors, each with its advice."""
    with pytest.raises(BackfillError, match=told):
        slots_in(pinned(**declaration), Window(start, NOW + timedelta(days=1)), NOW)


ORDINARY, MISSING, FORCED = Choice(), Choice(only_missing=True), Choice(force=True)
RAN, SKIPPED, OK = RunStatus.FAILED, RunStatus.SKIPPED, RunStatus.SUCCEEDED
LATER = entry(OK, run=RunRef(id="report-2", key="k2"))

VERDICTS = [
    # entries of the slot, what is found, and whether it runs: ordinary, only missing, forced
    ([], Finding.UNKNOWN, (True, True, True)),
    ([entry(OK)], Finding.SUCCEEDED, (False, False, True)),
    ([entry(RAN, reason="no answer")], Finding.FAILED, (True, False, True)),
    ([entry(RunStatus.BLOCKED)], Finding.FAILED, (True, False, True)),
    ([entry(RunStatus.CANCELLED)], Finding.FAILED, (True, False, True)),
    ([entry(RAN), LATER], Finding.SUCCEEDED, (False, False, True)),
    ([LATER, entry(RAN)], Finding.SUCCEEDED, (False, False, True)),
    ([entry(SKIPPED, reason="missed")], Finding.MISSED, (True, True, True)),
    ([entry(SKIPPED, run=None, session="")], Finding.MISSED, (True, True, True)),
    ([entry(SKIPPED), entry(RAN, run=LATER.run)], Finding.FAILED, (True, False, True)),
    ([entry(SKIPPED, output="digest")], Finding.SUCCEEDED, (False, False, True)),
    ([entry(RunStatus.RUNNING)], Finding.OPEN, (False, False, False)),
    ([entry(RunStatus.QUEUED)], Finding.OPEN, (False, False, False)),
    ([LATER, entry(RunStatus.WAITING)], Finding.OPEN, (False, False, False)),
    ([entry(OK, session="another")], Finding.UNKNOWN, (True, True, True)),
    ([entry(OK, slot=SLOT + timedelta(days=1))], Finding.UNKNOWN, (True, True, True)),
]


@pytest.mark.parametrize(("entries", "finding", "runs"), VERDICTS)
def test_plan_of_a_slot_follows_from_its_entries(
    entries: list[LedgerEntry], finding: Finding, runs: tuple[bool, bool, bool]
) -> None:
    """What the ledger has on a slot decides, with what was chosen, whether it runs."""
    planned = [
        plan_slots(KeeperState(), pinned(), entries, [SLOT], choice)[0]
        for choice in (ORDINARY, MISSING, FORCED)
    ]
    assert {each.finding for each in planned} == {finding}
    assert tuple(each.run for each in planned) == runs


def test_plan_leaves_out_a_slot_whose_effect_is_unknown_unless_forced() -> None:
    """The plan says what the keeper will do: what may have been done is no gap."""
    failed = entry(RunStatus.FAILED, category="outcome_unknown")
    verdicts = [
        planned.run
        for choice in (ORDINARY, MISSING, FORCED)
        for planned in plan_slots(KeeperState(), pinned(), [failed], [SLOT], choice)
    ]
    assert verdicts == [False, False, True]


def test_plan_leaves_out_a_slot_whose_run_is_ordered() -> None:
    """A run that its keeper owes is as good as one at work."""
    order = RunOrder(run_id="report-backfill-1", slot=SLOT, trigger=Trigger.BACKFILL)
    (planned,) = plan_slots(KeeperState(orders=(order,)), pinned(), [], [SLOT], FORCED)
    assert (planned.finding, planned.run) == (Finding.OPEN, False)
    assert planned.reason == "report-backfill-1 is ordered"


def test_plan_of_an_agent_that_needs_input_is_refused() -> None:
    """A run for a slot has nothing but the declared input."""
    spec = pinned(session={"key": "{input.account}"})
    with pytest.raises(BackfillError, match=r"session key.*account"):
        plan_slots(KeeperState(), spec, [], [SLOT], ORDINARY)


def test_pages_are_needed_only_for_slots_that_may_lie_on_them() -> None:
    """Old pages are read when they can matter, not each time."""
    state = KeeperState(paged_slots=Covers(start=SLOT, end=SLOT + timedelta(days=1)))
    assert needs_pages(state, [SLOT - timedelta(days=1), SLOT])
    assert not needs_pages(state, [SLOT + timedelta(days=2)])


def test_request_of_the_same_question_twice_at_once_has_one_id() -> None:
    """Two who ask at the same time get one backfill; who asks once it is over, a new one."""
    state = KeeperState(spec=pinned())
    planned = plan_slots(state, pinned(), [], [SLOT], ORDINARY)
    subject = subject_of("report", [SLOT], ORDINARY)
    first = request_of(state, subject, planned, ORDINARY, 1)
    assert request_of(state, subject, planned, ORDINARY, 1) == first
    begun, backfill = request_backfill(state, first, NOW)
    assert in_progress(begun, subject) == backfill
    assert in_progress(begun, subject_of("report", [SLOT], FORCED)) is None
    over = backfill.model_copy(update={"succeeded": 1})
    after = state.model_copy(update={"backfills": (over,)})
    assert in_progress(after, subject) is None
    assert request_of(after, subject, planned, ORDINARY, 1).id != first.id


def test_outcomes_tell_the_runs_of_this_backfill_alone() -> None:
    """An earlier backfill's runs of the same slots are no outcome of this one."""
    ended = {"trigger": Trigger.BACKFILL, "admitted_at": NOW + timedelta(seconds=1)}
    before = {"trigger": Trigger.BACKFILL, "admitted_at": NOW - timedelta(days=1)}
    later = SLOT + timedelta(days=1)
    backfill = Backfill(id="b-1", total=2, max_parallel=1, asked_at=NOW)
    order = RunOrder(run_id="report-b", slot=later, trigger=Trigger.BACKFILL, batch="b-1")
    entries = [entry(RAN, **before), entry(OK, run=LATER.run, **ended)]
    state = KeeperState(orders=(order,))
    first, second = outcomes_of(state, entries, backfill, {SLOT, later})
    assert (first.run_id, first.status) == ("report-2", RunStatus.SUCCEEDED)
    assert (second.run_id, second.status) == ("report-b", None)
