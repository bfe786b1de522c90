"""What the server itself tells of slots: how its schedule stands, and what that has started."""

from datetime import UTC, datetime, timedelta

from temporalio.client import (
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleBackfill,
    ScheduleHandle,
    ScheduleUpdate,
    ScheduleUpdateInput,
)

from activities.matching_times import matching_times
from activities.server_schedule import server_policy, server_spec
from activities.slot_evidence import read_evidence, read_live
from rota.expected.evidence import Evidence
from rota.expected.live import LiveSchedule
from rota.expected.verdicts import verdict_of
from rota.ids import scheduled_run_id
from rota.keepers.state import KeeperState
from rota.schedule.spec import ScheduleSpec
from tests.rota.keepers.desks import HOUR, pinned
from tests.stack import Stack
from tests.workflows.gates import poll
from workers.devserver import DevServer

HOURLY = "0 * * * *"


async def hourly_schedule(stack: Stack, name: str) -> ScheduleHandle:
    """The schedule of an hourly agent as `rota apply` writes it, for a queue nobody serves."""
    declared = declared_schedule()
    return await stack.client.create_schedule(
        name,
        Schedule(
            action=ScheduleActionStartWorkflow("AgentRun", id=name, task_queue=f"{name}-nobody"),
            spec=server_spec(declared),
            policy=server_policy(declared),
        ),
    )


def declared_schedule() -> ScheduleSpec:
    """Every full hour."""
    return ScheduleSpec(cron=(HOURLY,))


async def test_evidence_of_the_server_holds_hand_made_pauses_and_what_was_started(
    scheduling: Stack, scheduler: DevServer, server: DevServer
) -> None:
    """Also where no keeper has heard of either: a pause in the UI, a run that nobody serves."""
    stack = scheduling
    name, now = stack.name("report"), datetime.now(UTC)
    slot = now.replace(minute=0, second=0, microsecond=0) - HOUR
    state = KeeperState(spec=pinned(name=name, schedule={"cron": HOURLY}))
    handle = await hourly_schedule(stack, name)
    await handle.backfill(ScheduleBackfill(start_at=slot, end_at=slot))

    async def evidence(*, ended: bool) -> Evidence | None:
        known = await read_evidence(stack.client, stack.store, name, state, slot, now)
        started = known.fired.get(slot)
        return known if started is not None and bool(started.how) is ended else None

    await poll(lambda: evidence(ended=False))
    await handle.pause(note="ann: audit")
    known = await read_evidence(stack.client, stack.store, name, state, slot, now)
    assert known.live is not None
    assert (known.live.paused, known.live.note) == (True, "ann: audit")
    assert (known.live.has_next, known.live.differs, known.live.fires) == (True, (), None)
    assert known.live.created is not None
    # The older scheduler tells of no pause when it was.
    assert (known.live.changed is not None) == (scheduler is server)
    assert known.live.changed is None or known.live.created <= known.live.changed
    told = verdict_of(known, slot, now)
    assert (told.state.value, told.run) == ("unadmitted", scheduled_run_id(name, slot))
    await stack.client.get_workflow_handle(told.run).terminate()
    after = await poll(lambda: evidence(ended=True))
    assert "terminated before it was admitted" in verdict_of(after, slot, now).reason
    assert after.fired[slot].at - now < timedelta(minutes=1)


async def test_schedule_changed_by_hand_is_judged_by_when_the_server_fires_it(
    scheduling: Stack,
) -> None:
    """Told with what differs; slots that it has no more are known since it was changed."""
    name = scheduling.name("moved")
    handle = await hourly_schedule(scheduling, name)
    half = declared_schedule().model_copy(update={"cron": ("30 */2 * * *", "0 */2 * * *")})

    def moved(now: ScheduleUpdateInput) -> ScheduleUpdate:
        schedule = now.description.schedule
        schedule.spec = server_spec(half)
        return ScheduleUpdate(schedule)

    before = datetime.now(UTC)
    await handle.update(moved)
    even = before.replace(hour=0, minute=0, second=0, microsecond=0) + 48 * HOUR
    later = even + 5 * HOUR

    async def seen() -> LiveSchedule | None:
        """As it will be seen the day after tomorrow."""
        declared = declared_schedule()
        live = await read_live(scheduling.client, name, declared, before - HOUR, later)
        return live if live is not None and live.differs else None

    live = await poll(seen)
    assert live.differs == ("schedule.calendars is 0 */2 * * *, 30 */2 * * *, not 0 * * * *",)
    assert live.fires is not None
    assert live.fires.since == live.changed
    assert before - timedelta(seconds=5) < live.fires.since < datetime.now(UTC)
    lacking = [hour for hour in range(6) if live.fires.lacks(even + hour * HOUR)]
    assert lacking == [1, 3, 5]
    assert not live.fires.lacks(before - HOUR / 2), "nothing is known of the time before"


async def test_matching_times_beyond_what_the_server_answers_at_once_are_asked_for(
    scheduling: Stack,
) -> None:
    """The newest of them decides which missed slot runs."""
    name, now = scheduling.name("often"), datetime.now(UTC).replace(microsecond=0)
    handle = await hourly_schedule(scheduling, name)

    def often(before: ScheduleUpdateInput) -> ScheduleUpdate:
        schedule = before.description.schedule
        schedule.spec = server_spec(ScheduleSpec(every=(timedelta(seconds=1),)))
        return ScheduleUpdate(schedule)

    await handle.pause()
    await handle.update(often)
    second = timedelta(seconds=1)

    async def times() -> list[datetime] | None:
        found = await matching_times(scheduling.client, name, now - 2500 * second, now)
        return found if len(found) > 1 else None

    assert await poll(times) == [now - n * second for n in range(2499, -1, -1)]
