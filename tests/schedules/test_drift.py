"""`rota drift`: whatever somebody changes on the server is named by its field."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import (
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleOverlapPolicy,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.common import RetryPolicy

from rota.ids import keeper_id
from schedules.toggle import pause, resume
from tests.fleets import DAILY, apply_of, declared, drift_of, fleet_of, plan_of
from tests.stack import Stack


def _cron(schedule: Schedule) -> None:
    schedule.spec.calendars = []
    schedule.spec.cron_expressions = ["30 7 * * *"]


def _overlap(schedule: Schedule) -> None:
    schedule.policy.overlap = ScheduleOverlapPolicy.ALLOW_ALL


def _window(schedule: Schedule) -> None:
    schedule.policy.catchup_window = timedelta(days=365)


def _queue(schedule: Schedule) -> None:
    assert isinstance(schedule.action, ScheduleActionStartWorkflow)
    schedule.action.task_queue = "elsewhere"


def _retry(schedule: Schedule) -> None:
    assert isinstance(schedule.action, ScheduleActionStartWorkflow)
    schedule.action.retry_policy = RetryPolicy(maximum_attempts=3)


def _arguments(schedule: Schedule) -> None:
    assert isinstance(schedule.action, ScheduleActionStartWorkflow)
    schedule.action.args = [{"agent": "somebody-else"}]


def _memo(schedule: Schedule) -> None:
    assert isinstance(schedule.action, ScheduleActionStartWorkflow)
    schedule.action.memo = None


def _limit(schedule: Schedule) -> None:
    schedule.state.limited_actions = True
    schedule.state.remaining_actions = 3


@pytest.mark.parametrize(
    ("edit", "fields"),
    [
        (_cron, {"schedule.calendars": (["0 6 * * *"], ["30 7 * * *"])}),
        (_overlap, {"schedule.overlap": ("skip", "allow")}),
        (_window, {"schedule.catchup.window": ("10m", "365d")}),
        (_queue, {"action.task_queue": (None, "elsewhere")}),
        (_retry, {"action.retry": (False, True)}),
        (_arguments, {"action.args": (None, [{"agent": "somebody-else"}])}),
        (_limit, {"schedule.remaining_actions": (None, 3)}),
    ],
)
async def test_drift_after_an_edit_by_hand_names_the_field_and_apply_mends_it(
    stack: Stack, edit: Callable[[Schedule], None], fields: dict[str, tuple[Any, Any]]
) -> None:
    """Each changed field with both values; after the next apply there is none."""
    name = stack.name("report")
    fleet = fleet_of(stack, declared(name, schedule=DAILY))

    def change(now: ScheduleUpdateInput) -> ScheduleUpdate:
        edit(now.description.schedule)
        return ScheduleUpdate(now.description.schedule)

    async with stack.worker():
        await apply_of(stack, fleet)
        assert await drift_of(stack, fleet) == []
        await stack.client.get_schedule_handle(name).update(change)
        found = await drift_of(stack, fleet)
        await apply_of(stack, fleet)
        assert await drift_of(stack, fleet) == []
    assert {drift.agent for drift in found} == {name}
    known = {"action.task_queue": stack.task_queue, "action.args": [{"agent": name}]}
    expected = {
        field: (known.get(field, declared), live) for field, (declared, live) in fields.items()
    }
    assert {drift.field: (drift.declared, drift.live) for drift in found} == expected


async def test_drift_when_the_memo_is_lost_still_knows_its_schedule(stack: Stack) -> None:
    """A form in a UI may drop the memo; ownership is written in a second place."""
    name = stack.name("report")
    fleet = fleet_of(stack, declared(name, schedule=DAILY))

    def forget(now: ScheduleUpdateInput) -> ScheduleUpdate:
        _memo(now.description.schedule)
        return ScheduleUpdate(now.description.schedule)

    async with stack.worker():
        await apply_of(stack, fleet)
        await stack.client.get_schedule_handle(name).update(forget)
        assert "action.fleet" in {drift.field for drift in await drift_of(stack, fleet)}
        await apply_of(stack, fleet)
        assert (await plan_of(stack, fleet)).is_empty


async def test_drift_of_a_schedule_paused_by_hand_gives_the_note(stack: Stack) -> None:
    """Who paused it and why stands beside the field; resuming ends the drift."""
    name = stack.name("report")
    fleet = fleet_of(stack, declared(name, schedule=DAILY))
    async with stack.worker():
        await apply_of(stack, fleet)
        await pause(stack.client, name, "ada: bank feed is down")
        (drift,) = await drift_of(stack, fleet)
        await resume(stack.client, name, "ada: it is back")
        assert await drift_of(stack, fleet) == []
    assert (drift.field, drift.declared, drift.live) == ("schedule.paused", False, True)
    assert drift.detail == "paused by hand: ada: bank feed is down"


async def test_keeper_remembers_what_was_in_force_and_when_the_schedule_stood_still(
    stack: Stack,
) -> None:
    """So that a slot is judged by its own time: also after the apply that ends the pause."""
    name = stack.name("report")
    fleet = fleet_of(stack, declared(name, schedule=DAILY))
    changed = fleet_of(stack, declared(name, schedule=DAILY, description="New."))
    async with stack.worker():
        await apply_of(stack, fleet)
        await pause(stack.client, name, "ada: bank feed is down")
        await apply_of(stack, fleet)
        await apply_of(stack, changed)
        await apply_of(stack, fleet_of(stack))
        known = (await stack.keeper(name)).in_force
    told = [(toggle.paused, toggle.note) for toggle in known.toggles]
    assert told == [(False, "rota apply"), (True, "ada: bank feed is down"), (False, "rota apply")]
    specs = (fleet.declarations[name].spec, changed.declarations[name].spec)
    assert [each.version for each in known.declared] == [specs[0].digest, specs[1].digest, ""]


async def test_drift_of_missing_extra_and_changed_agents_names_each(stack: Stack) -> None:
    """A schedule deleted by hand, an agent no file declares, another declaration in force."""
    cut, extra, moved, new = (stack.name(n) for n in ("cut", "extra", "moved", "new"))
    applied = fleet_of(
        stack, declared(cut, schedule=DAILY), declared(extra), declared(moved, description="Old.")
    )
    files = fleet_of(stack, declared(cut, schedule=DAILY), declared(moved), declared(new))
    async with stack.worker():
        await apply_of(stack, applied)
        await stack.client.get_schedule_handle(cut).delete()
        found = await drift_of(stack, files)
    assert [(drift.agent, drift.field, drift.declared, drift.live) for drift in found][:2] == [
        (cut, "schedule", "present", None),
        (moved, "description", "", "Old."),
    ]
    assert (moved, "digest") in {(drift.agent, drift.field) for drift in found}
    assert (new, "agent", f"agents/{new}.yaml:1", None) in {
        (drift.agent, drift.field, drift.declared, drift.live) for drift in found
    }
    assert (extra, "agent", None, "present") in {
        (drift.agent, drift.field, drift.declared, drift.live) for drift in found
    }


async def test_drift_of_an_agent_retired_behind_the_files_is_found(stack: Stack) -> None:
    """The keeper's declaration counts as much as the schedule."""
    name = stack.name("report")
    fleet = fleet_of(stack, declared(name, schedule=DAILY))
    async with stack.worker():
        await apply_of(stack, fleet)
        await stack.client.get_workflow_handle(keeper_id(name)).execute_update("retire")
        (drift,) = await drift_of(stack, fleet)
    assert (drift.field, drift.live) == ("digest", None)


@pytest.mark.parametrize("toggle", [pause, resume])
async def test_toggle_of_an_agent_without_a_schedule_says_what_to_do(
    stack: Stack, toggle: Callable[..., Any]
) -> None:
    """A name that has no live schedule is an error in words."""
    name = stack.name("nobody")
    with pytest.raises(LookupError, match=f"'{name}' has no live schedule"):
        await toggle(stack.client, name, "why")
