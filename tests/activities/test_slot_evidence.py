"""What the server itself tells of slots: how its schedule stands, and what that has started."""

from datetime import UTC, datetime, timedelta

from temporalio.client import (
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleBackfill,
    ScheduleCalendarSpec,
    ScheduleRange,
    ScheduleSpec,
)

from activities.slot_evidence import read_evidence
from rota.expected.evidence import Evidence
from rota.expected.verdicts import verdict_of
from rota.ids import scheduled_run_id
from rota.keeper_state import KeeperState
from tests.rota.desks import HOUR, pinned
from tests.stack import Stack
from tests.workflows.gates import poll


async def test_evidence_of_the_server_holds_hand_made_pauses_and_what_was_started(
    stack: Stack,
) -> None:
    """Also where no keeper has heard of either: a pause in the UI, a run that nobody serves."""
    name, now = stack.name("report"), datetime.now(UTC)
    slot = now.replace(minute=0, second=0, microsecond=0) - HOUR
    state = KeeperState(spec=pinned(name=name, schedule={"cron": "0 * * * *"}))
    hourly = ScheduleCalendarSpec(hour=[ScheduleRange(0, 23)])
    handle = await stack.client.create_schedule(
        name,
        Schedule(
            action=ScheduleActionStartWorkflow("AgentRun", id=name, task_queue=f"{name}-nobody"),
            spec=ScheduleSpec(calendars=[hourly]),
        ),
    )
    await handle.backfill(ScheduleBackfill(start_at=slot, end_at=slot))
    await handle.pause(note="ann: audit")

    async def evidence(*, ended: bool) -> Evidence | None:
        known = await read_evidence(stack.client, stack.store, name, state, slot, now)
        started = known.fired.get(slot)
        return known if started is not None and bool(started.how) is ended else None

    known = await poll(lambda: evidence(ended=False))
    assert known.live is not None
    assert (known.live.paused, known.live.note) == (True, "ann: audit")
    assert known.live.created is not None
    assert known.live.changed is not None
    assert known.live.created <= known.live.changed
    told = verdict_of(known, slot, now)
    assert (told.state.value, told.run) == ("unadmitted", scheduled_run_id(name, slot))
    await stack.client.get_workflow_handle(told.run).terminate()
    after = await poll(lambda: evidence(ended=True))
    assert "terminated before it was admitted" in verdict_of(after, slot, now).reason
    assert after.fired[slot].at - now < timedelta(minutes=1)
