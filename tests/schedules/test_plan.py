"""`rota plan` on the real server: what would change, when it would fire, what is in the way."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from temporalio.client import (
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleSpec,
    ScheduleState,
)

from rota.ids import keeper_id
from schedules.changes import Action, Plan, Step
from schedules.live import live_schedule
from tests.fleets import DAILY, apply_of, declared, entry, fleet_of, plan_of
from tests.stack import Stack

BERLIN = {"timezone": "Europe/Berlin"}
NEAR_GAP = {**BERLIN, "start": "2027-03-26T00:00:00Z"}
NEAR_FOLD = {**BERLIN, "start": "2027-10-29T00:00:00Z"}


async def test_plan_of_an_edited_agent_shows_each_field_before_and_after(stack: Stack) -> None:
    """Model, instructions and timetable are compared with what was applied before."""
    name = stack.name("report")
    runtime = {"kind": "anthropic", "model": "one"}
    long_text = "Look again.\n" * 50
    before = declared(name, runtime=runtime, instructions="Look.", schedule=DAILY, tools=["a.b"])
    after = declared(
        name,
        runtime={**runtime, "model": "two"},
        instructions=long_text,
        schedule={**DAILY, "cron": "0 7 * * *", "catchup": {"policy": "all"}},
        tools=["a.b", "c.d"],
    )
    async with stack.worker():
        await apply_of(stack, fleet_of(stack, before))
    plan = await plan_of(stack, fleet_of(stack, after))
    (change,) = plan.changes
    assert change.action is Action.CHANGE
    assert change.steps == (Step.DECLARE, Step.UPDATE_SCHEDULE)
    fields = {field.field: (field.before, field.after) for field in change.fields}
    size = f"{len(long_text)} bytes, "
    assert str(fields["instructions"][1]).startswith(size)
    fields["instructions"] = ("", "")
    assert fields == {
        "schedule.calendars": (["0 6 * * *"], ["0 7 * * *"]),
        "schedule.catchup.policy": ("latest", "all"),
        "runtime.model": ("one", "two"),
        "instructions": ("", ""),
        "tools": (["a.b"], ["a.b", "c.d"]),
        "digest": (before.spec.digest[:12], after.spec.digest[:12]),
    }
    assert len(change.next_before) == len(change.next_after) == 5
    assert change.next_before[0].hour != change.next_after[0].hour


async def test_plan_without_the_earlier_declaration_says_that_fields_are_unknown(
    stack: Stack,
) -> None:
    """Another store than the one applied with still gives an honest plan."""
    name = stack.name("report")
    fleet = fleet_of(stack, declared(name))
    async with stack.worker():
        await apply_of(stack, fleet)
        keeper = stack.client.get_workflow_handle(keeper_id(name))
        pinned = (await stack.keeper(name)).spec
        assert pinned is not None
        await keeper.execute_update("declare", pinned.model_copy(update={"digest": "0" * 64}))
    change = entry(await plan_of(stack, fleet), name)
    assert change.action is Action.CHANGE
    assert [field.field for field in change.fields] == ["digest"]
    assert "fields unknown" in change.notes[0]


@pytest.mark.parametrize(
    "schedule",
    [
        {"cron": "30 2 * * *", **NEAR_GAP},
        {"cron": "30 2 * * *", **NEAR_FOLD},
        {"cron": "15 * * * *", **BERLIN, "start": "2027-10-31T00:00:00+02:00"},
        {"cron": ["0 9 * * MON-FRI", "0 12 1 * *"], **BERLIN},
        {"every": "90m"},
        {"calendar": {"hour": "6,18", "minute": "30", "second": "15"}, "timezone": "Asia/Kolkata"},
        {"cron": "0 6 24-31 12 *", **BERLIN, "exclude": ["2027-12-25", "2027-12-26"]},
        {"cron": "0 0 29 2 *", "end": "2032-03-01T00:00:00Z"},
    ],
)
async def test_plan_next_times_equal_the_servers(stack: Stack, schedule: dict[str, Any]) -> None:
    """The five slots shown before an apply are those the server itself will take."""
    name = stack.name("timed")
    fleet = fleet_of(stack, declared(name, schedule=schedule))
    planned = entry(await plan_of(stack, fleet), name)
    async with stack.worker():
        await apply_of(stack, fleet)
    live = await live_schedule(stack.client, name)
    assert live is not None
    assert planned.next_after == live.next_times[:5]
    assert planned.next_after


async def test_plan_flags_the_days_on_which_a_clock_change_alters_the_slots(
    stack: Stack,
) -> None:
    """Two weeks ahead, and only where the agent's own times are touched."""
    night = declared(stack.name("night"), schedule={"cron": "30 2 * * *", **BERLIN})
    noon = declared(stack.name("noon"), schedule={"cron": "0 12 * * *", **BERLIN})
    fleet = fleet_of(stack, night, noon)
    near = await plan_of(stack, fleet, now=datetime(2027, 3, 20, tzinfo=UTC))
    far = await plan_of(stack, fleet, now=datetime(2027, 3, 10, tzinfo=UTC))
    (change,) = entry(near, night.spec.name).clock_changes
    assert (change.day, change.skipped) == (date(2027, 3, 28), ("02:30",))
    assert not entry(near, noon.spec.name).clock_changes
    assert not entry(far, night.spec.name).clock_changes


async def test_plan_of_pausing_and_resuming_by_file_is_named_so(stack: Stack) -> None:
    """Pausing is not any change: nothing fires afterwards, and the plan says so."""
    name = stack.name("report")
    going = fleet_of(stack, declared(name, schedule=DAILY))
    paused = fleet_of(stack, declared(name, schedule={**DAILY, "paused": True}))
    async with stack.worker():
        await apply_of(stack, going)
        pausing = entry(await plan_of(stack, paused), name)
        await apply_of(stack, paused)
        resuming = entry(await plan_of(stack, going), name)
    assert (pausing.action, len(pausing.next_before), pausing.next_after) == (Action.PAUSE, 5, ())
    assert (resuming.action, resuming.next_before, len(resuming.next_after)) == (
        Action.RESUME,
        (),
        5,
    )


async def test_plan_of_an_agent_without_its_schedule_deletes_only_that(stack: Stack) -> None:
    """The schedule block taken out of the file takes the schedule away and no more."""
    name = stack.name("report")
    async with stack.worker():
        await apply_of(stack, fleet_of(stack, declared(name, schedule=DAILY)))
        fleet = fleet_of(stack, declared(name))
        change = entry(await plan_of(stack, fleet), name)
        await apply_of(stack, fleet)
        assert (await plan_of(stack, fleet)).is_empty
        assert (await stack.keeper(name)).spec is not None
    assert change.steps == (Step.DECLARE, Step.DELETE_SCHEDULE)
    assert await live_schedule(stack.client, name) is None


async def test_plan_for_an_agent_of_another_fleet_names_the_owner(stack: Stack) -> None:
    """Two fleets cannot hold one name; the plan says whose it is and holds nothing for it."""
    name = stack.name("report")
    first = fleet_of(stack, declared(name, schedule=DAILY), name="first")
    second = fleet_of(stack, declared(name, schedule=DAILY), name="second")
    async with stack.worker():
        await apply_of(stack, first)
    plan = await plan_of(stack, second)
    (conflict,) = plan.conflicts
    assert f"agent '{name}' belongs to fleet '{first.name}'" in conflict
    assert not plan.agents
    assert not plan.is_empty


async def test_plan_for_a_schedule_nobody_owns_is_a_conflict(stack: Stack) -> None:
    """A schedule made by hand is never taken over."""
    name = stack.name("report")
    action = ScheduleActionStartWorkflow("Other", id=name, task_queue="elsewhere")
    by_hand = Schedule(action=action, spec=ScheduleSpec(), state=ScheduleState(paused=True))
    await stack.client.create_schedule(name, by_hand)
    plan = await plan_of(stack, fleet_of(stack, declared(name, schedule=DAILY)))
    (conflict,) = plan.conflicts
    assert f"schedule '{name}' exists and no fleet owns it" in conflict


async def test_plan_for_a_keeper_on_another_task_queue_is_a_conflict(stack: Stack) -> None:
    """A keeper cannot move, so its queue is part of the agreement."""
    name = stack.name("report")
    fleet = fleet_of(stack, declared(name))
    async with stack.worker():
        await apply_of(stack, fleet)
    home = stack.task_queue
    stack.task_queue = f"{home}-new"
    plan = await plan_of(stack, fleet)
    (conflict,) = plan.conflicts
    assert f"lives on task queue '{home}'" in conflict
    assert f"ROTA_TASK_QUEUE={home}" in conflict


async def test_plan_of_an_agent_whose_keeper_was_terminated_warns_of_the_loss(
    stack: Stack,
) -> None:
    """Memory that is gone is said before the apply, not found out after."""
    name = stack.name("report")
    fleet = fleet_of(stack, declared(name))
    async with stack.worker():
        await apply_of(stack, fleet)
        await stack.client.get_workflow_handle(keeper_id(name)).terminate("by hand")
        change = entry(await plan_of(stack, fleet), name)
        await apply_of(stack, fleet)
        assert (await plan_of(stack, fleet)).is_empty
    assert change.action is Action.CREATE
    assert change.notes == ("its keeper was terminated: memory and ledger begin anew",)


async def test_plan_as_json_can_be_read_back(stack: Stack) -> None:
    """Programs get the whole plan, and the same plan has the same fingerprint later."""
    fleet = fleet_of(stack, declared(stack.name("report"), schedule=DAILY))
    plan = await plan_of(stack, fleet)
    document = plan.to_json()
    assert Plan.model_validate(document) == plan
    assert document["counts"]["create"] == 1
    assert plan.summary == "1 to create"
    later = await plan_of(stack, fleet, now=plan.made_at + timedelta(days=3))
    assert later.agents != plan.agents
    assert later.fingerprint == plan.fingerprint
