"""The Watchdog's schedule in a plan: made, kept, changed, taken away; and what the lint says."""

from dataclasses import replace
from pathlib import Path

import pytest

from rota.ids import keeper_queue, watchdog_id
from schedules.changes import Action, Step
from schedules.fields import schedule_fields
from schedules.fleet import Fleet, load_fleet
from schedules.lints.all_of_them import lint
from schedules.live import LiveSchedule
from schedules.watchdogs import desired_watchdog, watchdog_conflicts, watchdog_plan
from tests.rota.keepers.desks import T0
from tests.schedules.fleet_folder import AGENT, write

QUEUE = "rota"


def fleet(folder: Path, block: str = "watchdog: {}") -> Fleet:
    """A fleet with such a block."""
    write(folder, "fleet.yaml", f"name: finance\n{block}\n")
    write(folder, "agents/x.yaml", AGENT)
    return load_fleet(folder)


def live(of: Fleet) -> LiveSchedule:
    """What the server has once it is applied."""
    wanted = desired_watchdog(of, QUEUE)
    assert wanted is not None
    return LiveSchedule(watchdog_id(of.name), of.name, schedule_fields(wanted), "", ())


def steps(of: Fleet, on_server: LiveSchedule | None) -> tuple[Action, tuple[Step, ...]] | None:
    """What is planned."""
    planned = watchdog_plan(of, on_server, QUEUE)
    return (planned.action, planned.steps) if planned else None


def test_schedule_of_the_watchdog_is_made_kept_changed_and_taken_away(tmp_path: Path) -> None:
    """As any other that a fleet declares."""
    first = fleet(tmp_path)
    applied = live(first)
    assert steps(first, None) == (Action.CREATE, (Step.CREATE_SCHEDULE,))
    assert steps(first, applied) == (Action.UNCHANGED, ())
    paused = replace(applied, fields={**applied.fields, "schedule.paused": True})
    assert steps(first, paused) == (Action.CHANGE, (Step.UPDATE_SCHEDULE,))
    slower = fleet(tmp_path, "watchdog: {every: 5m, queue: dogs}")
    assert steps(slower, applied) == (Action.CHANGE, (Step.UPDATE_SCHEDULE,))
    planned = watchdog_plan(slower, applied, QUEUE)
    assert planned is not None
    changed = {change.field: change.after for change in planned.fields}
    assert changed["schedule.every"] == ["5m"]
    assert changed["action.task_queue"] == keeper_queue("dogs")
    none = fleet(tmp_path, "")
    assert steps(none, applied) == (Action.REMOVE, (Step.DELETE_SCHEDULE,))
    assert steps(none, None) is None


def test_schedule_of_that_name_which_somebody_else_made_is_a_conflict(tmp_path: Path) -> None:
    """Nothing of others is written over."""
    mine = fleet(tmp_path)
    (line,) = watchdog_conflicts(mine, replace(live(mine), fleet=""))
    assert "no fleet owns it" in line
    assert watchdog_conflicts(mine, live(mine)) == []
    assert watchdog_conflicts(mine, None) == []


@pytest.mark.parametrize(
    ("block", "agent", "said"),
    [
        pytest.param("watchdog: {notify: [{email: [a@example.com]}]}", "", "email", id="no server"),
        pytest.param("", "sla: {finish_by: 5m}\n", "nobody watches it", id="no Watchdog"),
        pytest.param("watchdog: {}", "sla: {start_within: 5m}\n", "no schedule", id="no slots"),
        pytest.param("watchdog: {}", "sla: {finish_by: 5m}\n", "", id="well"),
    ],
)
def test_promises_that_nobody_can_keep_an_eye_on_are_told(
    tmp_path: Path, block: str, agent: str, said: str
) -> None:
    """By `rota validate`, before anything is applied."""
    fleet(tmp_path, block)
    write(tmp_path, "agents/x.yaml", AGENT + agent)
    found = [
        each.message
        for each in lint(load_fleet(tmp_path), T0)
        if each.key.startswith(("sla", "watchdog"))
    ]
    assert [said in message for message in found] == ([True] if said else [])
