"""In what a live schedule differs from its declaration, in the words of the declaration."""

from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import (
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    ScheduleState,
)

from activities.server_schedule import differences, server_policy, server_spec
from rota.schedule.spec import ScheduleSpec

HOURLY = ScheduleSpec(cron=("0 * * * *",), every=(timedelta(hours=7),), timezone="Europe/Berlin")


def live(declared: ScheduleSpec) -> Schedule:
    """The schedule as `rota apply` writes it."""
    action = ScheduleActionStartWorkflow("AgentRun", id="report", task_queue="q")
    return Schedule(action=action, spec=server_spec(declared), policy=server_policy(declared))


@pytest.mark.parametrize(
    ("part", "changes", "told"),
    [
        pytest.param("state", {"paused": True, "note": "ann"}, (), id="paused is a state"),
        pytest.param(
            "spec",
            {"calendars": server_spec(ScheduleSpec(cron=("5 6 * * *",))).calendars},
            ("schedule.calendars is 5 6 * * *, not 0 * * * *",),
            id="calendars",
        ),
        pytest.param(
            "spec",
            {"intervals": [ScheduleIntervalSpec(timedelta(hours=7), timedelta(minutes=5))]},
            ("schedule.every is 7h offset 5m, not 7h",),
            id="an offset",
        ),
        pytest.param(
            "spec",
            {"time_zone_name": "", "intervals": []},
            ("schedule.every is none, not 7h", "schedule.timezone is UTC, not Europe/Berlin"),
            id="two fields",
        ),
        pytest.param(
            "policy",
            {
                "overlap": ScheduleOverlapPolicy.ALLOW_ALL,
                "catchup_window": timedelta(days=365),
            },
            ("schedule.overlap is allow, not skip", "schedule.catchup.window is 365d, not 10m"),
            id="policy",
        ),
        pytest.param(
            "state",
            {"limited_actions": True, "remaining_actions": 3},
            ("schedule.remaining_actions is 3, not none",),
            id="a number of runs",
        ),
    ],
)
def test_live_schedule_changed_by_hand_differs_in_that_field_alone(
    part: str, changes: dict[str, Any], told: tuple[str, ...]
) -> None:
    """As written nothing differs; what was changed is named with both values."""
    schedule = live(HOURLY)
    assert differences(schedule, HOURLY) == ()
    schedule.state = ScheduleState()
    for field, value in changes.items():
        setattr(getattr(schedule, part), field, value)
    assert differences(schedule, HOURLY) == told
