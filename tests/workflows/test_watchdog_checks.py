"""`Watchdog` on the real server: whatever goes wrong in a check, it goes on and says so."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio import activity, workflow
from temporalio.client import (
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleIntervalSpec,
    ScheduleSpec,
)
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker

from rota.ids import watchdog_id
from rota.notices.facts import PostInput
from rota.notices.spec import NotifySpec, Occasion
from rota.watchdog.alerts import Alert, Finding
from rota.watchdog.looks import Beat, Listed, ListOrder, Looked, LookOrder, WatchOrder
from rota.watchdog.memory import WatchMemory
from rota.watchdog.watchdog_spec import BeatSpec
from schedules.watchdog_checks import check_now
from tests.rota.keepers.desks import T0
from tests.stack import Stack
from workflows import watchdog
from workflows.watchdog import WatchdogWorkflow

MINUTE = timedelta(minutes=1)
NOTIFY = NotifySpec.model_validate({"on": ["missed"], "email": ["ops@example.com"]})


class Eyes:
    """What a check sees, and whether it can: two agents, each on a page of its own."""

    def __init__(self) -> None:
        self.blind = ""
        """The agent at which nobody can look."""
        self.deaf = True
        """Nobody takes what there is to tell."""
        self.beats = 0
        self.told: list[bool] = []
        self.orders: list[LookOrder] = []

    @activity.defn(name="list_agents")
    async def list_agents(self, order: ListOrder) -> Listed:
        """One by one."""
        return Listed(names=("b",)) if order.page else Listed(names=("a",), next_page="2")

    @activity.defn(name="look_at_agents")
    async def look_at_agents(self, order: LookOrder) -> Looked:
        """Something is missed of each."""
        self.orders.append(order)
        (name,) = order.names
        if name == self.blind:
            raise ApplicationError("no such zone", non_retryable=True)
        key, kind = f"missed/{name}/x", Occasion.MISSED
        return Looked(
            agents=order.names,
            undecided=order.undecided,
            findings=(Finding(key=key, kind=kind, agent=name, since=T0),),
        )

    @activity.defn(name="post_facts")
    async def post_facts(self, input: PostInput) -> None:
        """Take what there is to tell."""
        if self.deaf:
            raise ApplicationError("nobody is there", non_retryable=True)
        self.told += [fact.resolved for fact in input.facts]

    @activity.defn(name="send_beat")
    async def send_beat(self, beat: Beat) -> None:
        """Take a sign of life."""
        self.beats += 1

    @asynccontextmanager
    async def open(self, stack: Stack, queue: str, kind: type) -> AsyncIterator[None]:
        """Serve checks with these eyes."""
        works = [self.list_agents, self.look_at_agents, self.post_facts, self.send_beat]
        async with Worker(stack.client, task_queue=queue, workflows=[kind], activities=works):
            yield


@workflow.defn(name="Watchdog", sandboxed=False)
class NewerWatchdog:
    """Of a version to come, which has been rolled back."""

    @workflow.run
    async def run(self, order: dict[str, Any]) -> dict[str, Any]:
        """Leave what nobody can read today."""
        known = Alert(key="missed/b/x", kind=Occasion.MISSED, agent="b", since=T0, opened=T0)
        alerts = [known.model_dump(mode="json"), {"kind": "unheard_of"}]
        undecided = {"a": T0.isoformat()}
        return {"fleet": "f", "number": 6, "begin": 1, "alerts": alerts, "undecided": undecided}


def order_of(fleet: str) -> WatchOrder:
    """With a channel, and a beat."""
    url = "https://beat.example.com"
    return WatchOrder(
        fleet=fleet, task_queue="rota", notify=(NOTIFY,), beat=BeatSpec(url=url), archive=False
    )


async def test_beat_is_sent_only_when_all_is_seen_and_told(stack: Stack) -> None:
    """One page that cannot be looked at hides no other; what is not told is kept."""
    queue, eyes = stack.name("dogs"), Eyes()
    checks = {"blind": ("a", False, 0), "deaf": ("", True, 0), "well": ("", False, 1)}
    found: dict[str, WatchMemory] = {}
    async with eyes.open(stack, queue, WatchdogWorkflow):
        for name, (eyes.blind, eyes.deaf, beats) in checks.items():
            found[name] = await stack.client.execute_workflow(
                WatchdogWorkflow.run, order_of("f"), id=stack.name(name), task_queue=queue
            )
            assert eyes.beats == beats, name
    blind, deaf, well = found.values()
    assert (blind.agents, blind.unheard, len(blind.open)) == (1, ("a",), 1)
    assert blind.trouble == ("not all agents were looked at: no such zone", "a: no such zone")
    assert [fact.agent for fact in deaf.untold] == ["a", "b"]
    assert deaf.trouble == ("2 messages could not be handed over",)
    assert (well.trouble, well.untold, len(eyes.told)) == ((), (), 1 + 2)


async def test_check_goes_on_from_what_it_can_read_of_the_one_before(stack: Stack) -> None:
    """Left by a newer version: else the Watchdog would hang for ever; and it says what is lost.

    Of what is known, each look is given what is about its own agents alone.
    """
    fleet, queue, eyes = stack.name("fleet"), stack.name("dogs"), Eyes()
    action = ScheduleActionStartWorkflow(
        "Watchdog", order_of(fleet).model_dump(mode="json"), id=watchdog_id(fleet), task_queue=queue
    )
    never = ScheduleSpec(intervals=[ScheduleIntervalSpec(every=timedelta(days=99))])
    schedule = await stack.client.create_schedule(
        watchdog_id(fleet), Schedule(action=action, spec=never)
    )
    async with Worker(stack.client, task_queue=queue, workflows=[NewerWatchdog]):
        assert await check_now(stack.client, fleet, datetime.now(UTC), MINUTE)
    async with eyes.open(stack, queue, WatchdogWorkflow):
        found = await check_now(stack.client, fleet, datetime.now(UTC), MINUTE)
    await schedule.delete()
    assert found is not None
    memory = found.memory
    assert (memory.number, memory.undecided) == (7, {"a": T0})
    assert "(alerts)" in memory.trouble[0]
    asked = {each.names: (each.undecided, [a.agent for a in each.alerts]) for each in eyes.orders}
    assert asked == {("a",): ({"a": T0}, []), ("b",): ({}, ["b"])}
    assert eyes.orders[0].names == ("b",), "begins where time was up"


async def test_check_tells_what_it_has_seen_when_its_time_is_up(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that are left are named, and come first in the next one."""
    queue, eyes = stack.name("dogs"), Eyes()
    eyes.deaf = False
    monkeypatch.setattr(watchdog, "LONGEST_LOOK", timedelta(microseconds=1))
    async with eyes.open(stack, queue, WatchdogWorkflow):
        memory = await stack.client.execute_workflow(
            WatchdogWorkflow.run, order_of("f"), id=stack.name("short"), task_queue=queue
        )
    assert (memory.begin, memory.unheard, memory.agents) == (1, ("b",), 1)
    assert memory.trouble[0] == "no time was left to look at all agents: 1 left out"
    assert (len(eyes.told), eyes.beats) == (1, 0)
