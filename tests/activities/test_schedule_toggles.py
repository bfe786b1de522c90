"""Keepers are told of pauses that show on the server alone, on each of its schedulers."""

from datetime import UTC, datetime, timedelta

import pytest
from temporalio.client import ScheduleUpdate

from activities.schedule_toggles import with_toggle_told
from activities.slot_evidence import read_evidence
from rota.expected import by_hand
from rota.expected.evidence import Evidence
from rota.watchdog.schedule_rules import schedule_changed
from tests.fleets import apply_of, declared, fleet_of
from tests.stack import Stack
from tests.workflows.gates import poll, until

DAILY = {"cron": "0 6 * * *"}


async def test_keeper_hears_of_each_pause_by_hand_once_and_of_its_end(
    scheduling: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However the schedule is touched meanwhile: paused again, triggered, written anew."""
    monkeypatch.setattr(by_hand, "JUST_DECLARED", timedelta(0))
    stack, name = scheduling, scheduling.name("daily")
    schedule = stack.client.get_schedule_handle(name)
    begun = datetime.now(UTC)
    looked: list[datetime] = [begun]

    async def look(*, paused: bool) -> Evidence | None:
        """As the Watchdog does in each of its checks; None: the server does not show it yet."""
        state, now = await stack.keeper(name), datetime.now(UTC)
        known = await read_evidence(stack.client, stack.store, name, state, begun, now)
        assert known.live is not None
        if known.live.paused is not paused:
            return None
        known = await with_toggle_told(stack.client, known, looked[-1], now)
        looked.append(now)
        return known

    async with stack.worker():
        await apply_of(stack, fleet_of(stack, declared(name, schedule=DAILY), name=name))
        spec = (await stack.keeper(name)).spec
        assert spec is not None
        await poll(lambda: look(paused=False))
        await schedule.pause(note="ann: audit")
        keys: set[str] = set()
        touches = (
            lambda: schedule.pause(note="bob: audit goes on"),
            lambda: schedule.update(lambda now: ScheduleUpdate(now.description.schedule)),
            schedule.trigger,
        )
        for touch in touches:
            known = await poll(lambda: look(paused=True))
            told = schedule_changed(spec, known.live, known.chronicle, looked[-1])
            keys |= {finding.key for finding in told}
            await touch()
        await schedule.unpause(note="ann: done")
        await poll(lambda: look(paused=False))
        heard = await until(stack, name, lambda state: len(state.in_force.toggles) > 2)
    assert keys == {f"schedule_changed/{name}/paused"}
    applied, paused, resumed = heard.in_force.toggles
    assert [toggle.paused for toggle in (applied, paused, resumed)] == [False, True, False]
    assert paused.note == "ann: audit"
    assert applied.at < paused.at < resumed.at
