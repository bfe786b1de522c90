"""Agents whose events start one another: on the real server."""

import pytest

from rota.topics import delivery as event_delivery
from tests.stack import Stack
from tests.workflows.topics import DONE, Topic, runs_of


async def test_agents_whose_events_start_one_another_come_to_an_end(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The chain keeps its root from run to run; the event behind the last one is a dead letter."""
    monkeypatch.setattr(event_delivery, "EVENT_DEPTH", 4)
    there, back = Topic(stack, "there"), Topic(stack, "back")
    first, second = stack.name("first"), stack.name("second")
    async with stack.worker():
        await stack.declare(first, runtime=DONE, emits=[there.event])
        await stack.declare(second, runtime=DONE, emits=[back.event])
        await there.subscribe(second)
        await back.subscribe(first)
        await stack.run(first, f"{first}-1")
        summary = await there.until(lambda summary: summary.dead == 1)
        (letter,) = await there.dead()
        ids = [*await runs_of(stack, first, 3), *await runs_of(stack, second, 2)]
        results = [await stack.client.get_workflow_handle(id).result() for id in ids]
    places = sorted(
        (place["depth"], place["root"]) for result in results if (place := result["lineage"])
    )
    assert places == [(depth, f"{first}-1") for depth in (1, 2, 3, 4)]
    assert (summary.published, summary.delivered, len(ids)) == (3, 2, 5)
    assert letter.subscriber == second
    assert f"is 4 runs below {first}-1" in letter.reason
