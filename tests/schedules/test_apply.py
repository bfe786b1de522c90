"""`rota apply` on the real server: exactly the plan, repeatable, only one's own."""

from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import (
    CreateScheduleInput,
    OutboundInterceptor,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleSpec,
    ScheduleState,
    UpdateScheduleInput,
)
from temporalio.service import RPCError, RPCStatusCode

from rota.ids import keeper_id
from rota.keepers.admission import MemoryChange
from schedules.apply import AppliedStep, apply_plan
from schedules.apply_errors import ApplyError, NoWorkerError, StalePlanError
from schedules.changes import Action, Plan, Step
from schedules.fleet import Fleet
from schedules.live import live_schedule
from tests.fleets import DAILY, apply_of, declared, entry, fleet_of, intercepted, plan_of
from tests.stack import Stack


class Killed(Exception):
    """Stands for the end of the process."""


async def _apply(stack: Stack, fleet: Fleet, plan: Plan, **options: Any) -> None:
    options = {"task_queue": stack.task_queue, **options}
    client = options.pop("client", stack.client)
    await apply_plan(client, stack.store, fleet, plan, **options)


async def test_apply_of_a_new_fleet_makes_the_next_plan_empty(stack: Stack) -> None:
    """What apply writes is what plan compares with: the second plan holds nothing."""
    schedule = {
        "cron": ["0 6 * * MON-FRI", "@monthly"],
        "every": "90m",
        "calendar": {"hour": 7, "second": 30, "year": 2027},
        "exclude": ["2026-12-24"],
        "timezone": "Europe/Berlin",
        "jitter": "30s",
        "start": "2026-12-01T00:00:00+01:00",
        "end": "2028-01-01T00:00:00Z",
        "overlap": "queue_one",
        "catchup": {"policy": "skip"},
    }
    timed = declared(stack.name("timed"), schedule=schedule, team="finance", description="Daily.")
    free = declared(stack.name("free"))
    fleet = fleet_of(stack, timed, free)
    first = await plan_of(stack, fleet)
    assert [(a.action, a.steps) for a in first.agents] == [
        (Action.CREATE, (Step.DECLARE, Step.CREATE_SCHEDULE)),
        (Action.CREATE, (Step.DECLARE,)),
    ]
    async with stack.worker():
        report = await apply_of(stack, fleet)
        assert (await apply_of(stack, fleet)).steps == ()
    assert len(report.steps) == 3
    second = await plan_of(stack, fleet)
    assert [entry(second, a).fields for a in fleet.agents] == [(), ()]
    assert second.is_empty


async def test_apply_puts_the_declaration_in_force_with_the_keeper(stack: Stack) -> None:
    """The keeper names the digest, the store has the declaration, a run goes by it."""
    name = stack.name("report")
    fleet = fleet_of(stack, declared(name, schedule=DAILY))
    async with stack.worker():
        await apply_of(stack, fleet)
        result = await stack.run(name, f"{name}-1")
        pinned = (await stack.keeper(name)).spec
    assert result.status == "succeeded"
    assert pinned is not None
    assert (pinned.fleet, pinned.digest) == (fleet.name, fleet.agents[name].spec.digest)


@pytest.mark.parametrize("survived", range(6))
async def test_apply_interrupted_after_any_step_converges_when_repeated(
    stack: Stack, survived: int
) -> None:
    """Killed after any number of steps: the old plan is stale, the next one has the rest."""
    changed, gone, new = stack.name("changed"), stack.name("gone"), stack.name("new")
    before = fleet_of(stack, declared(changed, schedule=DAILY), declared(gone, schedule=DAILY))
    after = fleet_of(
        stack,
        declared(changed, schedule={"every": "2h"}, description="Changed."),
        declared(new, schedule=DAILY),
    )
    steps: list[AppliedStep] = []

    def die(step: AppliedStep) -> None:
        steps.append(step)
        if len(steps) > survived:
            raise Killed

    async with stack.worker():
        await apply_of(stack, before)
        plan = await plan_of(stack, after)
        assert sum(len(agent.steps) for agent in plan.changes) == 6
        with pytest.raises(Killed):
            await _apply(stack, after, plan, on_progress=die)
        if survived < 5:
            with pytest.raises(StalePlanError, match="plan again"):
                await _apply(stack, after, plan)
        await apply_of(stack, after)
        assert (await plan_of(stack, after)).is_empty
        keepers = [(await stack.keeper(name)).spec for name in (changed, gone, new)]
    assert [spec is not None for spec in keepers] == [True, False, True]
    found = [await live_schedule(stack.client, name) for name in (changed, gone, new)]
    assert [schedule is not None for schedule in found] == [True, False, True]


async def test_apply_of_a_plan_made_before_a_change_by_hand_does_nothing(stack: Stack) -> None:
    """A plan that was shown is carried out as shown, or not at all."""
    name = stack.name("report")
    fleet = fleet_of(stack, declared(name, schedule=DAILY))
    changed = fleet_of(stack, declared(name, schedule=DAILY, description="New."))
    async with stack.worker():
        await apply_of(stack, fleet)
        plan = await plan_of(stack, changed)
        await stack.client.get_schedule_handle(name).pause(note="incident 7")
        with pytest.raises(StalePlanError, match=name):
            await _apply(stack, changed, plan)
    live = await live_schedule(stack.client, name)
    assert live is not None
    assert (live.paused, live.note) == (True, "incident 7")


async def test_apply_with_a_plan_of_other_files_is_refused(stack: Stack) -> None:
    """A plan belongs to the files it was made from."""
    name = stack.name("report")
    plan = await plan_of(stack, fleet_of(stack, declared(name)))
    other = fleet_of(stack, declared(name, description="Edited meanwhile."))
    with pytest.raises(StalePlanError, match=name):
        await _apply(stack, other, plan)


async def test_apply_without_a_worker_says_what_to_start_and_writes_nothing(
    stack: Stack,
) -> None:
    """Nobody can put a declaration in force: no schedule may start runs that fail."""
    name = stack.name("report")
    fleet = fleet_of(stack, declared(name, schedule=DAILY))
    plan = await plan_of(stack, fleet)
    with pytest.raises(NoWorkerError, match=f"'{stack.task_queue}'.*'rota worker'"):
        await _apply(stack, fleet, plan, worker_timeout=timedelta(seconds=0.5))
    assert await live_schedule(stack.client, name) is None
    assert (await plan_of(stack, fleet)).agents == plan.agents


async def test_apply_after_the_worker_has_gone_says_so(stack: Stack) -> None:
    """The server remembers a worker for minutes; the keeper's silence tells."""
    name = stack.name("report")
    async with stack.worker():
        await apply_of(stack, fleet_of(stack, declared(name, schedule=DAILY)))
    fleet = fleet_of(stack, declared(name, schedule={"every": "1h"}))
    plan = await plan_of(stack, fleet)
    with pytest.raises(NoWorkerError):
        await _apply(stack, fleet, plan, worker_timeout=timedelta(seconds=1))
    live = await live_schedule(stack.client, name)
    assert live is not None
    assert live.fields["schedule.every"] == []


async def test_apply_touches_only_its_own_fleet(stack: Stack) -> None:
    """One fleet emptied, its neighbour on the same server stays as it was."""
    mine, other = stack.name("mine"), stack.name("other")
    first = fleet_of(stack, declared(mine, schedule=DAILY), name="first")
    second = fleet_of(stack, declared(other, schedule=DAILY), name="second")
    async with stack.worker():
        await apply_of(stack, first)
        await apply_of(stack, second)
        neighbour = await live_schedule(stack.client, other)
        plan = await plan_of(stack, fleet_of(stack, name="first"))
        assert [(a.agent, a.action) for a in plan.agents] == [(mine, Action.REMOVE)]
        await apply_of(stack, fleet_of(stack, name="first"))
        assert (await plan_of(stack, second)).is_empty
    assert await live_schedule(stack.client, mine) is None
    assert await live_schedule(stack.client, other) == neighbour


async def test_apply_of_a_fleet_with_conflicts_does_nothing(stack: Stack) -> None:
    """One conflict, and even the agents without one are left alone."""
    taken, free = stack.name("taken"), stack.name("free")
    async with stack.worker():
        await apply_of(stack, fleet_of(stack, declared(taken), name="first"))
        second = fleet_of(stack, declared(taken), declared(free), name="second")
        with pytest.raises(ApplyError, match="belongs to fleet"):
            await apply_of(stack, second)
        assert entry(await plan_of(stack, second), free).action is Action.CREATE


async def test_apply_brings_a_removed_agent_back_with_its_memory(stack: Stack) -> None:
    """Removed, an agent refuses to run; declared again, it remembers."""
    name, memory = stack.name("report"), "a" * 64
    fleet = fleet_of(stack, declared(name, schedule=DAILY))
    async with stack.worker():
        await apply_of(stack, fleet)
        keeper = stack.client.get_workflow_handle(keeper_id(name))
        change = MemoryChange(session="default", base=None, memory=memory)
        await keeper.execute_update("change_memory", change)
        await apply_of(stack, fleet_of(stack))
        refusing = await stack.keeper(name)
        back = entry(await plan_of(stack, fleet), name)
        await apply_of(stack, fleet)
        again = await stack.keeper(name)
    assert refusing.spec is None
    assert back.action is Action.CREATE
    assert back.notes == ("its keeper still has the memory and the ledger of before",)
    assert again.spec is not None
    assert again.session("default").memory == memory


async def test_apply_hands_a_removed_agent_over_to_another_fleet(stack: Stack) -> None:
    """Once its owner has let go, any fleet may declare the name."""
    name = stack.name("report")
    second = fleet_of(stack, declared(name, schedule=DAILY), name="second")
    async with stack.worker():
        await apply_of(stack, fleet_of(stack, declared(name, schedule=DAILY), name="first"))
        await apply_of(stack, fleet_of(stack, name="first"))
        await apply_of(stack, second)
        assert (await plan_of(stack, second)).is_empty
        assert (await plan_of(stack, fleet_of(stack, name="first"))).is_empty


async def test_apply_when_a_schedule_appears_meanwhile_leaves_it_alone(stack: Stack) -> None:
    """Between plan and write somebody else took the id: theirs stays, and we say so."""
    name = stack.name("report")
    by_hand = Schedule(
        action=ScheduleActionStartWorkflow("Other", id=name, task_queue="elsewhere"),
        spec=ScheduleSpec(),
        state=ScheduleState(paused=True),
    )

    class Racing(OutboundInterceptor):
        async def create_schedule(self, input: CreateScheduleInput) -> Any:
            await stack.client.create_schedule(name, by_hand)
            return await super().create_schedule(input)

    client = intercepted(stack.client, Racing)
    fleet = fleet_of(stack, declared(name, schedule=DAILY))
    async with stack.worker():
        with pytest.raises(ApplyError, match=f"{name}: somebody else created its schedule"):
            await _apply(stack, fleet, await plan_of(stack, fleet), client=client)
    live = await live_schedule(stack.client, name)
    assert live is not None
    assert live.fields["action.workflow"] == "Other"


async def test_apply_reads_back_and_names_what_the_server_does_not_show(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An update that was lost without a word is an error with the fields' names."""
    name = stack.name("report")

    class Losing(OutboundInterceptor):
        async def update_schedule(self, input: UpdateScheduleInput) -> None:
            return None

    monkeypatch.setattr("schedules.reading_back.READ_BACK", timedelta(seconds=0.2))
    client = intercepted(stack.client, Losing)
    changed = fleet_of(stack, declared(name, schedule={**DAILY, "overlap": "allow"}))
    async with stack.worker():
        await apply_of(stack, fleet_of(stack, declared(name, schedule=DAILY)))
        with pytest.raises(ApplyError, match=r"does not show.*schedule\.overlap"):
            await _apply(stack, changed, await plan_of(stack, changed), client=client)


async def test_apply_of_many_agents_reports_each_refusal_and_applies_the_rest(
    stack: Stack,
) -> None:
    """One agent that the server refuses does not keep the others from being applied."""
    bad, good = stack.name("bad"), stack.name("good")

    class Refusing(OutboundInterceptor):
        async def create_schedule(self, input: CreateScheduleInput) -> Any:
            if input.id == bad:
                raise RPCError("no such search attribute", RPCStatusCode.INVALID_ARGUMENT, b"")
            return await super().create_schedule(input)

    client = intercepted(stack.client, Refusing)
    fleet = fleet_of(stack, declared(bad, schedule=DAILY), declared(good, schedule=DAILY))
    async with stack.worker():
        plan = await plan_of(stack, fleet)
        with pytest.raises(ApplyError, match=f"{bad}: the server refused it: .*doctor --fix"):
            await _apply(stack, fleet, plan, client=client)
        left = await plan_of(stack, fleet)
        assert [agent.agent for agent in left.changes] == [bad]
        await apply_of(stack, fleet)
        assert (await plan_of(stack, fleet)).is_empty
