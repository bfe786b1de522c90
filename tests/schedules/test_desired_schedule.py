"""The Temporal schedule that a declaration asks for."""

from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import (
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleCalendarSpec,
    ScheduleOverlapPolicy,
    ScheduleRange,
)

from activities.calendar_text import calendar_text, excluded_text
from rota.visibility import SCHEDULE_MEMO
from schedules.desired import desired_schedule
from schedules.fields import schedule_fields
from tests.fleets import DAILY, declared


def _wanted(name: str = "report", **schedule: Any) -> Schedule:
    wanted = desired_schedule(declared(name, schedule={**DAILY, **schedule}), "books", "rota")
    assert wanted is not None
    return wanted


def test_desired_schedule_of_an_agent_without_one_is_none() -> None:
    """An agent that nothing puts on the clock gets no schedule."""
    assert desired_schedule(declared("report"), "books", "rota") is None


def test_desired_schedule_starts_the_agent_by_name_and_records_its_origin() -> None:
    """The run gets the name alone; owner, source, content hash and block lie in the memo."""
    agent = declared("report", schedule=DAILY, team="finance", description="Daily figures.")
    wanted = desired_schedule(agent, "books", "rota")
    assert wanted is not None
    action = wanted.action
    assert isinstance(action, ScheduleActionStartWorkflow)
    assert (action.workflow, action.id, action.task_queue) == ("AgentRun", "report", "rota")
    assert list(action.args) == [{"agent": "report"}]
    assert action.memo == {
        SCHEDULE_MEMO: {
            "fleet": "books",
            "source": "agents/report.yaml",
            "digest": agent.spec.digest,
            "declared": {"cron": ["0 6 * * *"], "timezone": "Europe/Berlin"},
        }
    }
    assert (action.static_summary, action.static_details) == ("report · finance", "Daily figures.")
    assert {p.key.name: p.value for p in action.typed_search_attributes} == {
        "RotaAgent": "report",
        "RotaTeam": "finance",
    }


def test_desired_schedule_never_retries_a_run() -> None:
    """A run is not retried as a whole: its own steps are, and they remember what was paid."""
    action = _wanted().action
    assert isinstance(action, ScheduleActionStartWorkflow)
    assert action.retry_policy is None


@pytest.mark.parametrize(
    ("overlap", "policy"),
    [
        ("skip", ScheduleOverlapPolicy.SKIP),
        ("queue_one", ScheduleOverlapPolicy.BUFFER_ONE),
        ("queue_all", ScheduleOverlapPolicy.BUFFER_ALL),
        ("cancel_other", ScheduleOverlapPolicy.CANCEL_OTHER),
        ("terminate_other", ScheduleOverlapPolicy.TERMINATE_OTHER),
        ("allow", ScheduleOverlapPolicy.ALLOW_ALL),
    ],
)
def test_desired_schedule_overlap_is_the_servers_policy(
    overlap: str, policy: ScheduleOverlapPolicy
) -> None:
    """Each word of the declaration has its policy on the server."""
    assert _wanted(overlap=overlap).policy.overlap is policy


@pytest.mark.parametrize(
    ("catchup", "window"),
    [
        ({}, timedelta(minutes=10)),
        ({"policy": "latest", "window": "2h"}, timedelta(hours=2)),
        ({"policy": "all", "window": "2h"}, timedelta(hours=2)),
        ({"policy": "all", "window": "1s"}, timedelta(seconds=10)),
        ({"policy": "skip", "window": "2h"}, timedelta(seconds=10)),
    ],
)
def test_desired_schedule_catchup_window_is_never_the_servers_default(
    catchup: dict[str, str], window: timedelta
) -> None:
    """The window is always stated, and never below what the server takes."""
    assert _wanted(catchup=catchup).policy.catchup_window == window


def test_desired_schedule_excludes_every_second_of_a_day() -> None:
    """A day left out is left out from midnight to midnight, not at midnight alone."""
    (skip,) = _wanted(exclude=["2026-12-24"]).spec.skip
    assert [(r.start, r.end) for r in (*skip.hour, *skip.minute, *skip.second)] == [
        (0, 23),
        (0, 59),
        (0, 59),
    ]
    assert excluded_text(skip) == "2026-12-24"


def test_desired_schedule_calendars_carry_their_declared_text() -> None:
    """The server forgets cron text, so each calendar has it as its comment."""
    spec = _wanted(cron=["0 9 * * MON-FRI", "@weekly"], calendar={"hour": 7}).spec
    assert [c.comment for c in spec.calendars] == ["0 9 * * MON-FRI", "@weekly", "calendar hour=7"]
    assert not spec.cron_expressions


def test_desired_schedule_declared_paused_says_so() -> None:
    """A schedule paused by its file names the reason in the UI."""
    state = _wanted(paused=True).state
    assert (state.paused, state.note) == (True, "declared paused")


def test_schedule_fields_of_equal_times_are_equal_however_written() -> None:
    """Two ways to write the same times are no difference."""
    one, two = _wanted(cron="0 9 * * MON-FRI"), _wanted(cron="0 9 * * 1,2,3,4,5")
    name = "schedule.calendars"
    assert schedule_fields(one)[name] == schedule_fields(two)[name] == ["0 9 * * 1-5"]


def _ranges(*numbers: int) -> list[ScheduleRange]:
    return [ScheduleRange(number) for number in numbers]


@pytest.mark.parametrize(
    ("calendar", "text"),
    [
        (ScheduleCalendarSpec(), "0 0 * * *"),
        (ScheduleCalendarSpec(minute=[ScheduleRange(0, 59, 15)]), "*/15 0 * * *"),
        (ScheduleCalendarSpec(minute=[ScheduleRange(5, 45, 20)]), "5-45/20 0 * * *"),
        (ScheduleCalendarSpec(hour=[ScheduleRange(0, 23)]), "0 * * * *"),
        (ScheduleCalendarSpec(hour=_ranges(18, 6)), "0 6,18 * * *"),
        (ScheduleCalendarSpec(day_of_week=_ranges(1, 2, 3, 6)), "0 0 * * 1-3,6"),
        (
            ScheduleCalendarSpec(second=_ranges(30), year=_ranges(2027)),
            "second=30 minute=0 hour=0 year=2027",
        ),
    ],
)
def test_calendar_text_reads_like_cron_where_cron_can_say_it(
    calendar: ScheduleCalendarSpec, text: str
) -> None:
    """The shortest form that people know."""
    assert calendar_text(calendar) == text
