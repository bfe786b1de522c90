"""Slots on the real server while all is well, and while only the worker is away."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from temporalio.client import ScheduleBackfill, ScheduleOverlapPolicy, WorkflowHandle

from activities.missed_slots import with_passed_slots
from rota.ids import format_slot, scheduled_run_id
from rota.keepers.admission import AdmissionRequest, RunRef
from rota.keepers.state import KeeperState, LedgerEntry
from rota.runs import AgentRunResult, RunStatus, Trigger
from tests.fleets import apply_of, declared, fleet_of
from tests.stack import Stack
from tests.workflows.gates import poll, until

SECOND = timedelta(seconds=1)


async def on_schedule(stack: Stack, name: str, **schedule: object) -> None:
    """Apply an agent that runs on this schedule; needs a worker."""
    report = await apply_of(stack, fleet_of(stack, declared(name, schedule=schedule), name=name))
    assert report.steps


def scheduled(state: KeeperState) -> list[LedgerEntry]:
    """Entries of slots, by slot."""
    entries = [entry for entry in state.ledger.values() if entry.slot is not None]
    return sorted(entries, key=lambda entry: (entry.slot, entry.admitted_at))


def succeeded(count: int) -> Callable[[KeeperState], bool]:
    """True of a keeper with so many successes."""
    return lambda state: (
        sum(entry.status is RunStatus.SUCCEEDED for entry in state.ledger.values()) >= count
    )


async def test_slots_of_a_schedule_run_once_each_and_cover_without_a_gap(stack: Stack) -> None:
    """One run and one entry per slot, named after it, each covering from the one before (I1)."""
    name = stack.name("hourly")
    async with stack.worker():
        await on_schedule(stack, name, every="1s", overlap="queue_all")
        await until(stack, name, succeeded(4))
        schedule = stack.client.get_schedule_handle(name)
        await schedule.pause()
        first = scheduled(await stack.keeper(name))[0]
        assert first.run is not None
        run: WorkflowHandle[object, AgentRunResult] = stack.client.get_workflow_handle(
            first.run.id, result_type=AgentRunResult
        )
        result = await run.result()
        entries = scheduled(await stack.keeper(name))
    slots = [entry.slot for entry in entries if entry.slot]
    assert slots == [slots[0] + n * SECOND for n in range(len(slots))]
    for entry in entries:
        assert entry.run is not None
        assert entry.slot is not None
        assert entry.run.id == scheduled_run_id(name, entry.slot)
        assert entry.trigger is Trigger.SCHEDULE
    assert (result.slot, result.covers) == (first.slot, first.covers)
    assert first.covers is not None
    assert first.covers.start is None
    for before, after in pairwise(entries):
        if before.status is after.status is RunStatus.SUCCEEDED:
            assert after.covers is not None
            assert (after.covers.start, after.covers.end) == (before.slot, after.slot)


async def left_alone(
    stack: Stack, policy: str, overlap: str, slots: int
) -> tuple[str, list[datetime]]:
    """Apply an agent, and be gone before its first slot: however long that takes."""
    lead = 3 * SECOND
    while True:
        name = stack.name(f"outage-{lead.seconds}")
        start = datetime.now(UTC).replace(microsecond=0) + lead
        came = [start + n * SECOND for n in range(slots)]
        async with stack.worker():
            await on_schedule(
                stack,
                name,
                every="1s",
                overlap=overlap,
                catchup={"policy": policy},
                start=start.isoformat(),
                end=came[-1].isoformat(),
            )
        if datetime.now(UTC) < start:
            return name, came
        lead *= 2


async def missed(
    stack: Stack, policy: str, overlap: str, slots: int
) -> tuple[list[LedgerEntry], list[datetime]]:
    """Let so many slots come while no worker is there, then bring one.

    Returns:
        The ledger once all runs have ended, by slot; and the slots that came.
    """
    name, came = await left_alone(stack, policy, overlap, slots)
    schedule = stack.client.get_schedule_handle(name)

    async def all_came() -> bool | None:
        info = (await schedule.describe()).raw_description.info
        return info.action_count + info.overlap_skipped + info.buffer_size >= slots or None

    async def all_ended() -> list[LedgerEntry] | None:
        state = await stack.keeper(name)
        entries = scheduled(state)
        open_still = any(not entry.status.closed for entry in entries)
        return entries if len(entries) >= slots and not open_still else None

    await poll(all_came)
    async with stack.worker():
        return await poll(all_ended), came


@pytest.mark.parametrize("overlap", ["skip", "queue_all"])
async def test_outage_with_latest_runs_only_the_newest_missed_slot(
    stack: Stack, overlap: str
) -> None:
    """The newest slot runs under its own id; each older one is skipped by name (I1)."""
    (*older, newest), came = await missed(stack, "latest", overlap, slots=5)
    assert [entry.slot for entry in (*older, newest)] == came
    assert newest.run is not None
    assert newest.run.id.endswith(format_slot(came[-1]))
    assert newest.status is RunStatus.SUCCEEDED
    assert newest.covers is not None
    assert (newest.covers.start, newest.covers.end) == (None, came[-1])
    assert {(entry.status, entry.reason) for entry in older} == {
        (RunStatus.SKIPPED, f"missed; coalesced into {format_slot(came[-1])}")
    }


async def test_outage_with_all_runs_every_missed_slot_in_order(stack: Stack) -> None:
    """Nothing is left out, and each covers from the one before."""
    entries, came = await missed(stack, "all", "queue_all", slots=4)
    assert [entry.slot for entry in entries] == came
    assert {entry.status for entry in entries} == {RunStatus.SUCCEEDED}
    covered = [entry.covers.start for entry in entries if entry.covers]
    assert covered == [None, *came[:-1]]


async def test_outage_with_skip_runs_none_of_the_missed_slots(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each slot that could not start on time is skipped with that reason."""
    monkeypatch.setattr("rota.keepers.slots.LATE", timedelta(0))
    entries, came = await missed(stack, "skip", "queue_all", slots=3)
    assert [entry.slot for entry in entries] == came
    assert {(entry.status, entry.reason) for entry in entries} == {
        (RunStatus.SKIPPED, "missed: it could not start on time and catch-up is 'skip'")
    }


async def test_slot_started_twice_is_skipped_and_a_person_may_repeat_it(stack: Stack) -> None:
    """A schedule's second start of a slot does nothing; `slot` given by hand runs again."""
    name = stack.name("twice")
    slot = "2026-11-22T06:00:00Z"
    later = "2026-11-22T08:00:00Z"
    async with stack.worker():
        await stack.declare(name, runtime=declared(name).spec.runtime.settings)
        first = await stack.run(name, f"{name}-a", slot=slot, trigger="schedule")
        second = await stack.run(name, f"{name}-b", slot=slot, trigger="schedule")
        moved = await stack.run(name, f"{name}-c", slot=later, trigger="schedule")
        by_hand = await stack.run(name, f"{name}-d", slot=slot)
        after = await stack.run(name, f"{name}-e", slot="2026-11-22T09:00:00Z")
    assert first.status is moved.status is by_hand.status is RunStatus.SUCCEEDED
    assert second.status is RunStatus.SKIPPED
    assert second.reason == f"slot already succeeded as {name}-a"
    assert by_hand.trigger is Trigger.MANUAL
    assert by_hand.covers == first.covers
    assert moved.covers is not None
    assert moved.covers.start == first.slot
    assert after.covers is not None
    assert after.covers.start == moved.slot


async def test_backfill_of_old_slots_runs_each_of_them(stack: Stack) -> None:
    """What a person backfills in the Temporal UI or CLI is meant, however late it is."""
    name = stack.name("backfilled")
    to = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=5)
    async with stack.worker():
        await on_schedule(stack, name, every="1h", paused=True)
        schedule = stack.client.get_schedule_handle(name)
        span = ScheduleBackfill(
            start_at=to - timedelta(hours=2), end_at=to, overlap=ScheduleOverlapPolicy.BUFFER_ALL
        )
        await schedule.backfill(span)
        entries = scheduled(await until(stack, name, succeeded(3)))
    assert [entry.slot for entry in entries] == [to - timedelta(hours=n) for n in (2, 1, 0)]
    covered = [entry.covers.start for entry in entries if entry.covers]
    assert covered == [None, to - timedelta(hours=2), to - timedelta(hours=1)]


@pytest.mark.parametrize("jitter", ["0s", "20s"])
async def test_passed_slots_are_nominal_whatever_the_jitter(stack: Stack, jitter: str) -> None:
    """The slots a late run is told of are those that runs are named after."""
    name = stack.name("jittery")
    async with stack.worker():
        await on_schedule(stack, name, every="1m", jitter=jitter, paused=True)
        run = await stack.start(name, f"{name}-1")
        await run.result()
    now = datetime.now(UTC)
    slot = now.replace(second=0, microsecond=0) - timedelta(minutes=5)
    ref = RunRef(id=run.id, key=run.first_execution_run_id or "")
    request = AdmissionRequest(run=ref, trigger=Trigger.SCHEDULE, slot=slot)
    told = await with_passed_slots(stack.client, name, request, now)
    expected = [slot + timedelta(minutes=n) for n in range(1, 6)]
    # The newest minute's own jitter may not have run out yet.
    assert list(told.passed_slots) in (expected, expected[:-1])
    assert jitter != "0s" or list(told.passed_slots) == expected
    assert not told.backfill


async def test_passed_slots_of_a_deleted_schedule_are_none(stack: Stack) -> None:
    """A run whose schedule has gone is not held to it."""
    request = AdmissionRequest(
        run=RunRef(id="r", key="k"),
        trigger=Trigger.SCHEDULE,
        slot=datetime.now(UTC) - timedelta(hours=1),
    )
    assert await with_passed_slots(stack.client, "gone", request, datetime.now(UTC)) == request
