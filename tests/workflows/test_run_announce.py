"""A run tells of its success, once and for certain: on the real server."""

import asyncio
from typing import Any

import pytest

from activities.desks.runs import RunDeskActivities
from rota.ids import topic_id
from rota.runs import RunStatus
from rota.steps import AnnounceInput
from rota.topics.topic import Event, TopicState
from tests.stack import Stack, script
from tests.workflows.claude import ending_of
from tests.workflows.gates import poll

DONE = script({"result": "done"})


async def events_of(stack: Stack, event: str, count: int) -> tuple[Event, ...]:
    """What the topic has, once it has so many."""
    topic = stack.client.get_workflow_handle(topic_id(event))

    async def ask() -> tuple[Event, ...] | None:
        recent = (await topic.query("state", result_type=TopicState)).recent
        return recent if len(recent) >= count else None

    return await poll(ask)


async def test_run_that_succeeds_announces_each_of_its_events(stack: Stack) -> None:
    """Every event has the result as its payload, and names its run."""
    name = stack.name("report")
    names = [stack.name("report.done"), stack.name("books.ready")]
    async with stack.worker():
        await stack.declare(name, runtime=DONE, emits=names)
        slot = "2026-11-22T06:00:00Z"
        result = await stack.run(name, f"{name}-1", slot=slot)
        found = [(await events_of(stack, event, 1))[0] for event in names]
    assert [event.id for event in found] == [f"{name}-1/{event}" for event in names]
    assert {event.payload_digest for event in found} == {result.output_digest}
    assert {event.source for event in found} == {f"{name}-1"}


async def test_run_that_fails_announces_nothing(stack: Stack) -> None:
    """Nobody is told of what was not done: there is not even a topic."""
    name = stack.name("report")
    event = stack.name("report.done")
    async with stack.worker():
        await stack.declare(name, runtime=script({"result": "{input.nothing}"}), emits=[event])
        await ending_of(await stack.start(name, f"{name}-1"))
        assert await topics(stack, event) == 0


async def test_run_that_joins_another_announces_nothing_itself(stack: Stack) -> None:
    """The one that did the work has told of it."""
    name = stack.name("report")
    event = stack.name("report.done")
    async with stack.worker():
        await stack.declare(name, runtime=DONE, emits=[event], dedupe="one")
        results = [await stack.run(name, f"{name}-{number}") for number in (1, 2)]
        found = await events_of(stack, event, 1)
    assert [result.status for result in results] == [RunStatus.SUCCEEDED, RunStatus.SKIPPED]
    assert len(found) == 1


async def test_announcement_survives_a_request_to_cancel(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is settled is told: the request comes too late."""
    name, event = stack.name("report"), stack.name("report.done")
    reached, opened = asyncio.Event(), asyncio.Event()
    announce = RunDeskActivities.announce_run

    async def slowly(self: RunDeskActivities, input: AnnounceInput) -> None:
        reached.set()
        await opened.wait()
        await announce(self, input)

    marks = {key: value for key, value in vars(announce).items() if key.startswith("__temporal")}
    vars(slowly).update(marks)
    monkeypatch.setattr(RunDeskActivities, "announce_run", slowly)
    async with stack.worker():
        await stack.declare(name, runtime=DONE, emits=[event])
        run = await stack.start(name, f"{name}-1")
        await reached.wait()
        await run.cancel()
        await poll(lambda: cancel_is_asked(run))
        opened.set()
        result = await run.result()
        found = await events_of(stack, event, 1)
    assert result.status is RunStatus.SUCCEEDED
    assert len(found) == 1


async def cancel_is_asked(run: Any) -> bool | None:
    """True once the request is in the run's history."""
    events = (await run.fetch_history()).events
    asked = "workflow_execution_cancel_requested_event_attributes"
    return any(event.HasField(asked) for event in events) or None


async def topics(stack: Stack, event: str) -> int:
    """How many topics of that name there are."""
    return (await stack.client.count_workflows(f"WorkflowId = '{topic_id(event)}'")).count
