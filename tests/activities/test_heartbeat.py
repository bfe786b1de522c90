"""Steps tell Temporal that they live."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from temporalio.testing import ActivityEnvironment

from activities import heartbeat
from activities.heartbeat import heartbeating


@pytest.fixture
def beats(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Details of the beats so far, at a hundred a second."""
    monkeypatch.setattr(heartbeat, "INTERVAL_SECONDS", 0.01)
    return []


async def beating(beats: list[str], step: Callable[[], Awaitable[None]]) -> None:
    """Run `step` as an activity."""
    environment = ActivityEnvironment()
    environment.on_heartbeat = lambda *details: beats.append(details[0])
    await environment.run(step)


async def beaten(beats: list[str], detail: str) -> None:
    """Wait for a beat with that detail."""
    async with asyncio.timeout(5):
        while True:
            if detail in beats:
                return
            await asyncio.sleep(0.001)


async def test_heartbeat_goes_on_until_the_step_ends(beats: list[str]) -> None:
    """The first detail, then whatever the step reports, and nothing after its end."""

    async def step() -> None:
        async with heartbeating("starting") as report:
            await beaten(beats, "starting")
            # From a thread, as a tool does.
            thread = threading.Thread(target=report, args=("half way",))
            thread.start()
            thread.join()
            await beaten(beats, "half way")
        number = len(beats)
        await asyncio.sleep(0.05)
        assert len(beats) == number

    await beating(beats, step)
    assert list(dict.fromkeys(beats)) == ["starting", "half way"]


async def test_heartbeat_details_are_cut(beats: list[str]) -> None:
    """A detail is a line in the UI, not a document."""

    async def step() -> None:
        async with heartbeating("x" * 100) as report:
            report("y" * 10_000)
            await beaten(beats, "y" * 200)

    await beating(beats, step)
    assert set(beats) == {"y" * 200}


async def test_heartbeat_ends_with_a_step_that_fails(beats: list[str]) -> None:
    """The failure passes, and no task is left that beats for the dead."""

    async def step() -> None:
        async with heartbeating("starting"):
            raise KeyError("broken")

    with pytest.raises(KeyError, match="broken"):
        await beating(beats, step)
    await asyncio.sleep(0.05)
    assert beats == []


async def beats_of(
    monkeypatch: pytest.MonkeyPatch, timeout: float | None, *cursors: str
) -> list[str]:
    """Beats of a step with that timeout that goes on from each cursor for a second.

    Each turn of the event loop is one: nothing is waited for.
    """
    monkeypatch.setattr(heartbeat, "INTERVAL_SECONDS", 0)
    beats: list[str] = []

    async def step() -> None:
        cursor = cursors[0]
        async with heartbeat.beating(lambda: (cursor,), lambda: cursor):
            await asyncio.sleep(0)
            for each in cursors:
                cursor = each
                await asyncio.sleep(0)

    environment = ActivityEnvironment()
    silence = None if timeout is None else timedelta(seconds=timeout)
    environment.info = replace(environment.info, heartbeat_timeout=silence)
    environment.on_heartbeat = lambda *details: beats.append(details[0])
    await environment.run(step)
    return beats


@pytest.mark.parametrize(
    ("timeout", "number"), [(None, 60), (3.2, 60), (13.2, 15), (58.2, 3), (598.2, 0)]
)
async def test_heartbeats_of_a_minute_are_as_many_as_the_timeout_asks_for(
    monkeypatch: pytest.MonkeyPatch, timeout: float | None, number: int
) -> None:
    """One a second by default, three where a lost worker may go unnoticed for a minute."""
    assert len(await beats_of(monkeypatch, timeout, *["same"] * 60)) == number


async def test_heartbeat_of_a_new_place_is_sent_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the next attempt goes on from does not wait; the pace counts from then on."""
    cursors = [*["a"] * 5, *["b"] * 17]
    assert await beats_of(monkeypatch, 58.2, *cursors) == ["b"]
    assert await beats_of(monkeypatch, 58.2, *cursors, *["b"] * 2) == ["b", "b"]
