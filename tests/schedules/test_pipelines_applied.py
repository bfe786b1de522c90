"""Pipelines and subscriptions on the real server: planned, applied, drifted, removed."""

from datetime import timedelta

import pytest
from temporalio.client import ScheduleActionStartWorkflow

from rota.coordination.spec import SubscriptionSpec
from rota.topics.topic import Subscriber
from schedules.apply import AppliedStep, apply_plan
from schedules.apply_errors import ApplyError
from schedules.changes import Action, Step
from schedules.fleet import Fleet
from schedules.live import live_schedule
from schedules.subscriptions import live_subscribers, subscribe, unsubscribe
from schedules.toggle import pause, resume
from tests.fleets import DAILY, apply_of, declared, drift_of, entry, fleet_of, pipeline, plan_of
from tests.stack import Stack

WAIT = timedelta(seconds=20)


def _event(stack: Stack, base: str = "bank.closed") -> str:
    return f"{base}.{stack.task_queue}"


def _morning(stack: Stack, report: str, **more: object) -> Fleet:
    nodes = {"report": {"agent": report}}
    own = pipeline(stack.name("morning"), nodes=nodes, **more)
    return fleet_of(stack, declared(report), own)


async def test_apply_of_a_pipeline_with_a_subscription_makes_the_next_plan_empty(
    stack: Stack,
) -> None:
    """Declared, subscribed, scheduled, in this order; then nothing is left to do."""
    event, report = _event(stack), stack.name("report")
    fleet = _morning(stack, report, schedule=DAILY, on=[{"event": event}], team="finance")
    name = stack.name("morning")
    first = entry(await plan_of(stack, fleet), name)
    assert (first.kind, first.action, first.subscribe) == ("Pipeline", Action.CREATE, (event,))
    assert first.steps == (Step.DECLARE, Step.SUBSCRIBE, Step.CREATE_SCHEDULE)
    fields = {field.field: field.after for field in first.fields}
    assert (fields["nodes.report.agent"], fields[f"on.{event}"]) == (report, "every event")
    async with stack.worker():
        await apply_of(stack, fleet)
        pinned = (await stack.keeper(name)).spec
        assert (await plan_of(stack, fleet)).is_empty
        assert await drift_of(stack, fleet) == []
    assert pinned is not None
    assert (pinned.kind, pinned.digest) == ("Pipeline", fleet.pipelines[name].spec.digest)
    assert await live_subscribers(stack.client, event) == {name: fleet.name}


async def test_apply_gives_a_pipelines_schedule_its_own_workflow_and_attributes(
    stack: Stack,
) -> None:
    """The schedule starts `PipelineRun`, and its runs are found by `RotaPipeline`."""
    fleet = _morning(stack, stack.name("report"), schedule=DAILY)
    name = stack.name("morning")
    async with stack.worker():
        await apply_of(stack, fleet)
    described = await stack.client.get_schedule_handle(name).describe()
    action = described.schedule.action
    assert isinstance(action, ScheduleActionStartWorkflow)
    live = await live_schedule(stack.client, name)
    assert live is not None
    assert action.workflow == "PipelineRun"
    assert live.fields["action.args"] == [{"pipeline": name}]
    assert live.fields["action.search_attributes"] == {"RotaPipeline": name, "RotaTeam": "default"}


async def test_apply_of_a_removed_pipeline_unsubscribes_and_retires_it(stack: Stack) -> None:
    """Nothing starts it any more before its declaration is taken back."""
    event, report, name = _event(stack), stack.name("report"), stack.name("morning")
    async with stack.worker():
        await apply_of(stack, _morning(stack, report, schedule=DAILY, on=[{"event": event}]))
        rest = fleet_of(stack, declared(report))
        gone = entry(await plan_of(stack, rest), name)
        await apply_of(stack, rest)
        assert (await plan_of(stack, rest)).is_empty
        assert (await stack.keeper(name)).spec is None
    assert (gone.kind, gone.action, gone.unsubscribe) == ("Pipeline", Action.REMOVE, (event,))
    assert gone.steps == (Step.DELETE_SCHEDULE, Step.UNSUBSCRIBE, Step.RETIRE)
    assert await live_subscribers(stack.client, event) == {}
    assert await live_schedule(stack.client, name) is None


async def test_apply_of_a_changed_subscription_replaces_only_what_changed(stack: Stack) -> None:
    """One event dropped, one with another filter, one kept: two of three are touched."""
    name = stack.name("settle")
    kept, narrowed, dropped = (_event(stack, base) for base in ("kept", "narrowed", "dropped"))
    on = [{"event": kept}, {"event": narrowed}, {"event": dropped}]
    changed = [{"event": kept}, {"event": narrowed, "filter": "payload.amount > 1"}]
    after = fleet_of(stack, declared(name, on=changed))
    async with stack.worker():
        await apply_of(stack, fleet_of(stack, declared(name, on=on)))
        change = entry(await plan_of(stack, after), name)
        await apply_of(stack, after)
        assert (await plan_of(stack, after)).is_empty
    assert (change.subscribe, change.unsubscribe) == ((narrowed,), (dropped,))
    # Only a declaration tells which filter is in force, so it must not say so too early.
    assert change.steps == (Step.UNSUBSCRIBE, Step.SUBSCRIBE, Step.DECLARE)
    fields = {field.field: (field.before, field.after) for field in change.fields}
    assert fields[f"on.{narrowed}"] == ("every event", {"filter": "payload.amount > 1"})
    assert fields[f"on.{dropped}"] == ("every event", None)
    assert f"on.{kept}" not in fields
    assert await live_subscribers(stack.client, dropped) == {}


@pytest.mark.parametrize(("survived", "left"), [(1, 3), (2, 3), (3, 1), (4, 0)])
async def test_apply_of_subscriptions_interrupted_anywhere_converges_when_repeated(
    stack: Stack, survived: int, left: int
) -> None:
    """Whatever was done before the end came, the next plan has the rest.

    A subscription that was changed is written once more if its declaration was not.
    """
    name, old, new = stack.name("settle"), _event(stack, "old"), _event(stack, "new")
    before = fleet_of(stack, declared(name, on=[{"event": old}, {"event": new}]))
    on = [{"event": new, "filter": "payload.ok"}]
    after = fleet_of(stack, declared(name, on=on, schedule=DAILY))
    done: list[AppliedStep] = []

    class Killed(Exception):
        pass

    def die(step: AppliedStep) -> None:
        done.append(step)
        if len(done) == survived:
            raise Killed

    async with stack.worker():
        await apply_of(stack, before)
        plan = await plan_of(stack, after)
        assert len(entry(plan, name).steps) == 4
        with pytest.raises(Killed):
            await apply_plan(
                stack.client,
                stack.store,
                after,
                plan,
                task_queue=stack.task_queue,
                on_progress=die,
            )
        rest = entry(await plan_of(stack, after), name).steps
        assert rest == (entry(plan, name).steps[-left:] if left else ())
        await apply_of(stack, after)
        assert (await plan_of(stack, after)).is_empty
    assert await live_subscribers(stack.client, old) == {}
    assert await live_subscribers(stack.client, new) == {name: after.name}


async def test_drift_of_a_subscription_taken_back_by_hand_is_found_and_mended(
    stack: Stack,
) -> None:
    """A topic that forgot its subscriber starts nothing: drift says so, apply mends it."""
    event, name = _event(stack), stack.name("settle")
    fleet = fleet_of(stack, declared(name, on=[{"event": event, "filter": "payload.ok"}]))
    async with stack.worker():
        await apply_of(stack, fleet)
        await unsubscribe(stack.client, name, fleet.name, event, stack.task_queue, WAIT)
        (drift,) = await drift_of(stack, fleet)
        assert entry(await plan_of(stack, fleet), name).steps == (Step.SUBSCRIBE,)
        await apply_of(stack, fleet)
        assert await drift_of(stack, fleet) == []
    assert (drift.field, drift.declared, drift.live) == (
        f"on.{event}",
        {"filter": "payload.ok"},
        None,
    )


async def test_drift_of_a_subscription_nobody_declares_is_found_and_mended(stack: Stack) -> None:
    """A subscription of this fleet's that no file holds is taken back."""
    event, name = _event(stack), stack.name("settle")
    fleet = fleet_of(stack, declared(name))
    async with stack.worker():
        await apply_of(stack, fleet)
        await _subscribe(stack, name, fleet.name, event)
        while not (found := await drift_of(stack, fleet)):
            pass  # visibility lists the new topic a moment later
        await apply_of(stack, fleet)
        assert await drift_of(stack, fleet) == []
    assert [(d.field, d.declared, d.live) for d in found] == [(f"on.{event}", None, "present")]
    assert await live_subscribers(stack.client, event) == {}


async def test_plan_for_a_subscription_of_another_fleet_is_a_conflict(stack: Stack) -> None:
    """Two fleets must not have one event start one name: neither would know for whom."""
    event, name = _event(stack), stack.name("settle")
    fleet = fleet_of(stack, declared(name, on=[{"event": event}]))
    async with stack.worker():
        await _subscribe(stack, name, "elsewhere", event)
        plan = await plan_of(stack, fleet)
        with pytest.raises(ApplyError, match="elsewhere"):
            await apply_of(stack, fleet)
    (conflict,) = plan.conflicts
    assert conflict.startswith(f"event '{event}' starts '{name}' for fleet 'elsewhere'")
    assert await live_subscribers(stack.client, event) == {name: "elsewhere"}


async def test_plan_of_an_agent_that_becomes_a_pipeline_says_so(stack: Stack) -> None:
    """A name may change its kind: its schedule and its topics then start the other workflow."""
    report, name, on = stack.name("report"), stack.name("morning"), [{"event": _event(stack)}]
    before = fleet_of(stack, declared(report), declared(name, schedule=DAILY, on=on))
    async with stack.worker():
        await apply_of(stack, before)
        fleet = _morning(stack, report, schedule=DAILY, on=on)
        change = entry(await plan_of(stack, fleet), name)
        await apply_of(stack, fleet)
        assert (await plan_of(stack, fleet)).is_empty
    assert change.action is Action.CHANGE
    assert change.steps == (Step.SUBSCRIBE, Step.DECLARE, Step.UPDATE_SCHEDULE)
    fields = {field.field: (field.before, field.after) for field in change.fields}
    assert fields["kind"] == ("Agent", "Pipeline")
    assert fields["action.workflow"] == ("AgentRun", "PipelineRun")


async def test_pipeline_paused_by_hand_shows_as_drift_until_it_is_resumed(stack: Stack) -> None:
    """A pipeline's schedule has its name as id, so pausing is the same for both kinds."""
    name = stack.name("morning")
    fleet = _morning(stack, stack.name("report"), schedule=DAILY)
    async with stack.worker():
        await apply_of(stack, fleet)
        await pause(stack.client, name, "ada: bank holiday")
        (drift,) = await drift_of(stack, fleet)
        await resume(stack.client, name, "ada: over")
        assert await drift_of(stack, fleet) == []
    assert (drift.agent, drift.field, drift.live) == (name, "schedule.paused", True)


async def _subscribe(stack: Stack, name: str, fleet: str, event: str) -> None:
    subscriber = Subscriber(
        name=name,
        fleet=fleet,
        task_queue=stack.task_queue,
        subscription=SubscriptionSpec(event=event),
    )
    await subscribe(stack.client, subscriber, event, WAIT)
