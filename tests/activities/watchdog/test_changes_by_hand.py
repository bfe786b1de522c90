"""A schedule that somebody has changed on the server: seen by the next look, on each scheduler."""

from datetime import UTC, datetime, timedelta

from temporalio.client import ScheduleIntervalSpec, ScheduleUpdate, ScheduleUpdateInput

from activities.watchdog.agents import AgentLook
from activities.watchdog.listing import Watched
from activities.watchdog.quiet import Declarations
from rota.ids import keeper_queue
from rota.watchdog.looks import LookOrder
from tests.fleets import apply_of, declared, fleet_of
from tests.stack import Stack
from tests.workflows.gates import poll

DAILY = {"cron": "0 6 * * *"}


def every_hour(before: ScheduleUpdateInput) -> ScheduleUpdate:
    """As a person does it in the Temporal UI."""
    schedule = before.description.schedule
    schedule.spec.intervals = [ScheduleIntervalSpec(timedelta(hours=1))]
    return ScheduleUpdate(schedule)


async def test_schedule_changed_by_hand_is_found_with_what_differs_until_it_is_put_back(
    scheduling: Stack,
) -> None:
    """Also of an agent of which nothing else is new, whose keeper need not be asked."""
    stack, name = scheduling, scheduling.name("daily")
    agent = declared(name, schedule=DAILY)
    digest, queue = agent.spec.digest, keeper_queue(stack.task_queue)
    store = Declarations(stack.store)

    async def look() -> dict[str, str]:
        """What one look finds: why, by key."""
        now = datetime.now(UTC)
        order = LookOrder(fleet="f", names=(name,), now=now, since=now - timedelta(seconds=1))
        watched = Watched(name, "Agent", queue, digest, now - timedelta(days=1))
        agent_look = AgentLook(stack.client, stack.store, order, store)
        seen = await agent_look.look(watched, [], asked=True)
        return {finding.key: finding.reason for finding in seen.findings}

    async with stack.worker():
        fleet = fleet_of(stack, agent, name=name)
        await apply_of(stack, fleet)
        assert await look() == {}
        await stack.client.get_schedule_handle(name).update(every_hour)

        async def found() -> dict[str, str] | None:
            return await look() or None

        assert await poll(found) == {
            f"schedule_changed/{name}/changed": (
                "the schedule on the server is not the declared one: schedule.every is 1h, not none"
            )
        }
        await apply_of(stack, fleet)
        assert await look() == {}
