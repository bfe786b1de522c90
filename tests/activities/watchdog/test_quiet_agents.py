"""Agents of whom nothing can be new are told without their keepers' word."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from temporalio.client import (
    ScheduleDescription,
    ScheduleState,
    WorkflowExecution,
    WorkflowExecutionStatus,
)

from activities.server_schedule import server_policy, server_spec
from activities.watchdog.quiet import is_quiet
from rota.agent_spec import AgentSpec
from rota.schedule.spec import ScheduleSpec

NOW = datetime(2026, 11, 23, 12, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SINCE = NOW - MINUTE


def spec(**declared: Any) -> AgentSpec:
    """An agent; by default one that runs at full hours."""
    said = {"schedule": {"cron": "0 * * * *"}, **declared}
    return AgentSpec.model_validate({"name": "report", "runtime": {"kind": "scripted"}, **said})


def schedule(
    when: str = "0 * * * *", *, paused: bool = False, ended: bool = False
) -> ScheduleDescription:
    """What the server has."""
    times = [] if ended else [NOW + MINUTE]
    written = ScheduleSpec(cron=(when,)) if "*" in when else ScheduleSpec(every=(MINUTE,))
    inner = SimpleNamespace(
        state=ScheduleState(paused=paused),
        spec=server_spec(written),
        policy=server_policy(written),
    )
    info = SimpleNamespace(next_action_times=times)
    return cast("ScheduleDescription", SimpleNamespace(schedule=inner, info=info))


def run(*, ended: int | None = None, kind: str = "AgentRun") -> WorkflowExecution:
    """A run at work, or one that has ended so many minutes ago."""
    status = WorkflowExecutionStatus
    shown = SimpleNamespace(
        workflow_type=kind,
        status=status.RUNNING if ended is None else status.COMPLETED,
        start_time=NOW - timedelta(hours=1),
        close_time=None if ended is None else NOW - ended * MINUTE,
    )
    return cast("WorkflowExecution", shown)


LONG_AGO = NOW - timedelta(days=9)
EVERY_MINUTE = spec(schedule={"every": "1m"})
PAUSED = spec(schedule={"cron": "0 * * * *", "paused": True})


@pytest.mark.parametrize(
    ("declared", "live", "listed", "quiet"),
    [
        pytest.param(spec(), schedule(), [], True, id="nothing is new"),
        pytest.param(spec(), schedule(), [run(kind="Agent")], True, id="its keeper is at work"),
        pytest.param(spec(), schedule(), [run(ended=9)], True, id="a run that was judged"),
        pytest.param(spec(), schedule(), [run()], False, id="a run is at work"),
        pytest.param(spec(), schedule(), [run(ended=1)], False, id="a run has just ended"),
        pytest.param(EVERY_MINUTE, schedule("1m"), [], False, id="a slot has come"),
        pytest.param(spec(), schedule("5 * * * *"), [], False, id="changed by hand"),
        pytest.param(spec(), None, [], False, id="its schedule is gone"),
        pytest.param(spec(), schedule(paused=True), [], False, id="paused by hand"),
        pytest.param(spec(), schedule(ended=True), [], False, id="no slot to come"),
        pytest.param(PAUSED, schedule(paused=True), [], True, id="declared paused"),
        pytest.param(PAUSED, schedule(), [], False, id="resumed by hand"),
        pytest.param(spec(schedule=None), None, [], True, id="no schedule"),
    ],
)
def test_keeper_is_asked_where_anything_may_be_new(
    declared: AgentSpec, live: ScheduleDescription | None, listed: list[Any], quiet: bool
) -> None:
    """And nowhere else: its word is the dearest part of a look."""
    assert is_quiet(declared, LONG_AGO, live, listed, SINCE, NOW) == quiet


@pytest.mark.parametrize(
    "since", [pytest.param(SINCE, id="since the last check"), pytest.param(None, id="unknown")]
)
def test_keeper_is_asked_when_another_declaration_was_in_force_since(
    since: datetime | None,
) -> None:
    """Which slots the one before had, nobody can tell by the new one."""
    assert is_quiet(spec(), LONG_AGO, schedule(), [], SINCE, NOW)
    assert not is_quiet(spec(), since, schedule(), [], SINCE, NOW)
