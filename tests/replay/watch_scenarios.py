"""Checks of a Watchdog, to be recorded: one finds something, the next sees that it is over."""

import os
from datetime import UTC, datetime, timedelta

from temporalio.client import (
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleState,
)
from temporalio.common import WorkflowIDConflictPolicy

from activities.documents import put_spec
from activities.server_schedule import server_policy, server_spec
from rota.agent_spec import AgentSpec
from rota.ids import keeper_id, keeper_queue, watchdog_id
from rota.notices.spec import NotifySpec
from rota.pinned_spec import PinnedSpec
from rota.watchdog.looks import WatchOrder
from rota.watchdog.watchdog_spec import BeatSpec
from schedules.desired import search_attributes
from schedules.watchdog_checks import Check, check_now
from tests.fakes.hook_receiver import HookReceiver
from tests.replay.scenarios import Recording, Scenario
from tests.replay.telling_scenarios import ENTRY, HOOK
from tests.stack import Stack, script
from tests.workflows.gates import keepers_listed

FLEET = "watched"
BEAT = "ROTA_RECORDED_BEAT"
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


async def watched(stack: Stack) -> list[Recording]:
    """An agent whose schedule is paused by hand, then resumed; a beat, and the archive."""
    name = "watched-agent"
    spec = AgentSpec.model_validate(
        {"name": name, "runtime": script({"result": "done"}), "schedule": {"every": "1h"}}
    )
    assert spec.schedule is not None
    await put_spec(stack.store, spec)
    keeper = await stack.client.start_workflow(
        "Agent",
        id=keeper_id(name),
        task_queue=keeper_queue(stack.task_queue),
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        search_attributes=search_attributes(spec),
    )
    await keeper.execute_update("declare", PinnedSpec.of(spec, fleet=FLEET))
    schedule = await stack.client.create_schedule(
        name,
        Schedule(
            action=ScheduleActionStartWorkflow(
                "AgentRun", {"agent": name}, id=name, task_queue=stack.task_queue
            ),
            spec=server_spec(spec.schedule),
            policy=server_policy(spec.schedule),
            state=ScheduleState(paused=True, note="by hand"),
        ),
    )
    with HookReceiver() as receiver:
        os.environ[HOOK] = os.environ[BEAT] = receiver.url
        await _begin(stack)
        await keepers_listed(stack, name)
        checks = [await _check(stack)]
        await schedule.unpause()
        checks.append(await _check(stack))
        del os.environ[HOOK], os.environ[BEAT]
    assert [len(check.memory.open) for check in checks] == [1, 0]
    return [
        Recording(f"watchdog-{number}", check.id, check.run_id)
        for number, check in enumerate(checks, 1)
    ]


async def _begin(stack: Stack) -> None:
    order = WatchOrder(
        fleet=FLEET,
        task_queue=stack.task_queue,
        notify=(NotifySpec.model_validate(ENTRY),),
        beat=BeatSpec(url=f"env:{BEAT}"),
    )
    await stack.client.create_schedule(
        watchdog_id(FLEET),
        Schedule(
            action=ScheduleActionStartWorkflow(
                "Watchdog",
                order.model_dump(mode="json"),
                id=watchdog_id(FLEET),
                task_queue=keeper_queue(stack.task_queue),
            ),
            spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=HOUR)]),
            policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP),
        ),
    )


async def _check(stack: Stack) -> Check:
    found = await check_now(stack.client, FLEET, datetime.now(UTC), MINUTE)
    assert found is not None
    return found


SCENARIOS: tuple[Scenario, ...] = (watched,)
TOOLS = ()
