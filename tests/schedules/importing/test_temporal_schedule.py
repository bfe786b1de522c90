"""Other people's Temporal schedules, said as declarations or refused."""

import shlex
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml
from temporalio.client import (
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleCalendarSpec,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleRange,
    ScheduleSpec,
    ScheduleState,
)
from temporalio.common import RetryPolicy

from schedules.importing.temporal_schedule import NotExpressibleError, readable, schedule_agent
from tests.schedules.remarks_of import remarks_of

DAILY = ScheduleSpec(
    calendars=[ScheduleCalendarSpec(hour=[ScheduleRange(6)], minute=[ScheduleRange(15)])]
)


EXPORT = ScheduleActionStartWorkflow("Export", id="export-{day}", task_queue="exports")


def text_of(
    id: str = "Nightly Export",
    action: ScheduleActionStartWorkflow = EXPORT,
    spec: ScheduleSpec = DAILY,
    **rest: Any,
) -> str:
    """The file of a schedule."""
    return schedule_agent(
        id,
        Schedule(action=action, spec=spec, **rest),
        ['{"a": 1}'],
        taken=(),
        address="127.0.0.1:7233",
        namespace="default",
    ).text


def declared(spec: ScheduleSpec = DAILY, **rest: Any) -> dict[str, Any]:
    """The declaration of a schedule with this spec."""
    return yaml.safe_load(text_of(spec=spec, **rest))


def every_second_hour_of_weekdays() -> ScheduleCalendarSpec:
    """A calendar with each shape of a range."""
    return ScheduleCalendarSpec(
        second=[ScheduleRange(30)],
        minute=[ScheduleRange(0, step=5), ScheduleRange(45, 45, 7)],
        hour=[ScheduleRange(0, 23, 2)],
        day_of_week=[ScheduleRange(1, 5)],
        year=[ScheduleRange(2026, 2027)],
    )


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (DAILY, {"calendar": [{"minute": "15", "hour": "6"}], "timezone": "UTC"}),
        (
            ScheduleSpec(
                calendars=[every_second_hour_of_weekdays()], time_zone_name="Europe/Berlin"
            ),
            {
                "calendar": [
                    {"second": "30", "minute": "0,45", "hour": "*/2"}
                    | {"day_of_week": "1-5", "year": "2026-2027"}
                ],
                "timezone": "Europe/Berlin",
            },
        ),
        (
            ScheduleSpec(intervals=[ScheduleIntervalSpec(every=timedelta(minutes=90))]),
            {"every": ["1h30m"], "timezone": "UTC"},
        ),
        (
            ScheduleSpec(
                cron_expressions=["@daily"],
                jitter=timedelta(seconds=20),
                end_at=datetime(2027, 1, 1, tzinfo=UTC),
            ),
            {"cron": ["@daily"], "timezone": "UTC", "jitter": "20s"}
            | {"end": "2027-01-01T00:00:00+00:00"},
        ),
    ],
)
def test_when_it_fires_is_declared(spec: ScheduleSpec, expected: dict[str, Any]) -> None:
    """Calendars, intervals, cron, zone, jitter and bounds."""
    block = declared(spec)["schedule"]
    assert {key: value for key, value in block.items() if key in expected} == expected


def test_overlap_window_and_pause_are_kept() -> None:
    """Catch-up runs all slots, as the server would; a window of a year becomes thirty days."""
    block = declared(
        policy=SchedulePolicy(
            overlap=ScheduleOverlapPolicy.BUFFER_ALL, catchup_window=timedelta(days=365)
        ),
        state=ScheduleState(paused=True),
    )["schedule"]
    assert (block["overlap"], block["paused"]) == ("queue_all", True)
    assert block["catchup"] == {"policy": "all", "window": "30d"}


def test_schedule_that_skips_makes_up_for_what_it_missed_once() -> None:
    """As the server would, and without a warning of what its own import has written."""
    block = declared(policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP))["schedule"]
    assert (block["overlap"], block["catchup"]["policy"]) == ("skip", "latest")
    assert not [key for _, key, _ in remarks_of(schedule=block) if "catchup" in key]


@pytest.mark.parametrize(
    ("id", "name"),
    [("Nightly Export", "nightly-export"), ("nightly-export", "nightly-export-agent")],
)
def test_agent_has_another_name_than_its_schedule(id: str, name: str) -> None:
    """The agent's own schedule has the agent's name, and somebody's schedule stays."""
    assert yaml.safe_load(text_of(id))["name"] == name


def test_schedule_whose_place_was_taken_is_imported_as_it_was() -> None:
    """It is paused with the reason that the file says: the agent is not."""
    before = text_of("nightly")
    note = shlex.split(before.splitlines()[2])[-1]
    state = ScheduleState(paused=True, note=note)
    assert yaml.safe_load(text_of("nightly", state=state)) == yaml.safe_load(before)


def test_workflow_is_named_after_its_run() -> None:
    """Braces of the original's id are literal; the run makes it one for each slot."""
    words = declared()["runtime"]["command"]
    assert words[3] == "export-{{day}}/{run.id}"
    assert words[4:8] == ["--type", "Export", "--task-queue", "exports"]
    assert words[-2:] == ["--input", '{{"a": 1}}']


@pytest.mark.parametrize(
    ("spec", "state", "why"),
    [
        (ScheduleSpec(), ScheduleState(), "never fires"),
        (
            ScheduleSpec(calendars=DAILY.calendars, skip=DAILY.calendars),
            ScheduleState(),
            "exclude",
        ),
        (DAILY, ScheduleState(limited_actions=True, remaining_actions=3), "3 more runs"),
        (
            ScheduleSpec(
                intervals=[ScheduleIntervalSpec(timedelta(hours=1), offset=timedelta(minutes=5))]
            ),
            ScheduleState(),
            "5m late",
        ),
    ],
)
def test_schedule_that_no_declaration_says_is_refused(
    spec: ScheduleSpec, state: ScheduleState, why: str
) -> None:
    """It says what would be lost, instead of losing it."""
    with pytest.raises(NotExpressibleError, match=why):
        declared(spec, state=state)


@pytest.mark.parametrize(
    "overlap", [ScheduleOverlapPolicy.CANCEL_OTHER, ScheduleOverlapPolicy.TERMINATE_OTHER]
)
def test_schedule_that_ends_its_workflows_is_refused(overlap: ScheduleOverlapPolicy) -> None:
    """Ending a run ends the waiting alone: two workflows would work side by side."""
    with pytest.raises(NotExpressibleError, match="ends a workflow"):
        declared(policy=SchedulePolicy(overlap=overlap))


def test_run_waits_as_long_as_the_workflow_may_take() -> None:
    """Or the next slot would begin beside it."""
    action = ScheduleActionStartWorkflow(
        "Export", id="export", task_queue="exports", execution_timeout=timedelta(days=3)
    )
    document = yaml.safe_load(text_of(action=action))
    assert (document["budget"]["wall_clock"], document["runtime"]["inactivity"]) == ("3d", "3d")


def test_what_is_not_taken_over_is_said_on_top() -> None:
    """And how to pause the schedule, as a shell reads it."""
    action = ScheduleActionStartWorkflow(
        "Export",
        id="export",
        task_queue="exports",
        memo={"a": 1},
        static_summary="Exports",
        retry_policy=RetryPolicy(maximum_attempts=2),
    )
    text = text_of(
        "Bob's",
        action=action,
        policy=SchedulePolicy(pause_on_failure=True),
        state=ScheduleState(note="since\nMay"),
    )
    head = [line for line in text.splitlines() if line.startswith("# ")]
    assert (
        "# Not passed on to its workflow: memo, retry policy (see retry), summary and details."
        in head
    )
    assert any(line.startswith("# It paused itself") for line in head)
    assert "# Note of the schedule: since May" in head
    toggle = shlex.split(head[2])
    assert toggle[toggle.index("--schedule-id") + 1] == "Bob's"


@pytest.mark.parametrize(("argument", "why"), [(b"\xff", "not JSON"), (b"1" * 100_001, "too long")])
def test_argument_that_no_command_line_takes_is_refused(argument: bytes, why: str) -> None:
    """Before somebody finds out at night."""
    with pytest.raises(NotExpressibleError, match=why):
        readable([argument])
