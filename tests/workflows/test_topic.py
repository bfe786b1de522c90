"""Topics on the real server: who gets which event, once, in which order, and what if not."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.worker import Replayer

from activities.announcing import announce
from rota.ids import topic_id
from rota.model import canonical_json
from rota.runs import AgentRunResult, EventRecord, RunStatus, Trigger
from tests.stack import Stack
from tests.workflows.topics import DONE, Topic, runs_of, start_times
from workers.devserver import temporal_binary
from workers.plugin import RotaPlugin
from workflows.topic import TopicWorkflow


async def temporal(stack: Stack, *arguments: str) -> None:
    """Run the `temporal` command."""
    process = await asyncio.create_subprocess_exec(
        *(temporal_binary(), *arguments, "--address", stack.address),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    _, err = await process.communicate()
    assert process.returncode == 0, err.decode()


async def input_of(stack: Stack, run_id: str) -> dict[str, Any]:
    """The argument a run was started with."""
    history = await stack.client.get_workflow_handle(run_id).fetch_history()
    payloads = history.events[0].workflow_execution_started_event_attributes.input.payloads
    (argument,) = await stack.client.data_converter.decode(list(payloads))
    return argument


async def test_event_published_ten_times_at_once_starts_one_run(stack: Stack) -> None:
    """However it comes, by update, by signal or by a run's announcement: one id, one run."""
    topic, name = Topic(stack, "closed"), stack.name("settlement")
    id = f"books-7/{topic.event}"
    record = EventRecord(id=id, name=topic.event, at=datetime.now(UTC))
    async with stack.worker():
        await stack.declare(name, runtime=DONE)
        await topic.subscribe(name)
        receipts = await asyncio.gather(
            *(topic.publish(id=id, payload={"n": 1}) for _ in range(4)),
            *(topic.handle.signal("publish", {"id": id}) for _ in range(3)),
            *(
                announce(stack.client, record, source="books-7", task_queue=stack.task_queue)
                for _ in range(3)
            ),
        )
        summary = await topic.quiet(1)
        run: AgentRunResult = await stack.client.get_workflow_handle(
            f"{name}-event-{id}", result_type=AgentRunResult
        ).result()
        ids = await runs_of(stack, name, 1)
    assert ids == [f"{name}-event-{id}"]
    assert {receipt.sequence for receipt in receipts if receipt} == {1}
    assert (summary.delivered, summary.dead) == (1, 0)
    assert (run.status, run.trigger) == (RunStatus.SUCCEEDED, Trigger.EVENT)
    assert run.lineage is not None
    assert run.lineage.occasion == f"event:{id}"


async def test_event_by_update_client_signal_and_temporal_command_each_start_a_run(
    stack: Stack,
) -> None:
    """The payload reaches the run's input whichever way it came; the id gets the topic."""
    topic, name = Topic(stack, "closed"), stack.name("settlement")
    async with stack.worker():
        await stack.declare(name, runtime=DONE)
        await topic.subscribe(name)
        receipt = await topic.publish(id="a", payload={"n": 1})
        await topic.handle.signal("publish", {"id": "b", "payload": {"n": 2}})
        await temporal(
            stack,
            *("workflow", "signal", "--workflow-id", topic_id(topic.event), "--name", "publish"),
            *("--input", '{"id": "c", "payload": {"n": 3}}'),
        )
        await topic.quiet(3)
        ids = await runs_of(stack, name, 3)
        inputs = [await input_of(stack, id) for id in sorted(ids)]
    assert receipt.id == f"a/{topic.event}"
    assert sorted(ids) == [f"{name}-event-{key}/{topic.event}" for key in "abc"]
    assert [given["input"]["event"]["payload"] for given in inputs] == [{"n": n} for n in (1, 2, 3)]
    assert inputs[0]["lineage"]["parent"] == topic_id(topic.event)
    assert inputs[0]["lineage"]["root"] == f"{name}-event-a/{topic.event}"


async def test_events_reach_each_subscriber_in_the_order_of_publication(stack: Stack) -> None:
    """Two subscribers, twenty events: runs start in order for each of them."""
    topic = Topic(stack, "closed")
    names = [stack.name("first"), stack.name("second")]
    async with stack.worker():
        for name in names:
            await stack.declare(name, runtime=DONE)
            await topic.subscribe(name)
        for number in range(20):
            await topic.handle.signal("publish", {"id": f"{number:02}"})
        await topic.quiet(20)
        orders = [await start_times(stack, await runs_of(stack, name, 20)) for name in names]
    for name, order in zip(names, orders, strict=True):
        assert order == [f"{name}-event-{number:02}/{topic.event}" for number in range(20)]


async def test_filter_and_input_templates_decide_what_a_subscriber_sees(stack: Stack) -> None:
    """Events that the filter holds back start nothing, and are counted as filtered."""
    topic, name = Topic(stack, "closed"), stack.name("settlement")
    async with stack.worker():
        await stack.declare(name, runtime=DONE)
        await topic.subscribe(
            name,
            filter="payload.amount > 1000 and not payload.test",
            input={"of": "{event.name}", "amount": "{payload.amount}"},
        )
        for id, amount in (("small", 1000), ("large", 1001)):
            await topic.publish(id=id, payload={"amount": amount})
        await topic.publish(id="test", payload={"amount": 5000, "test": True})
        summary = await topic.quiet(3)
        (run_id,) = await runs_of(stack, name, 1)
        given = await input_of(stack, run_id)
    assert run_id == f"{name}-event-large/{topic.event}"
    assert given["input"] == {"of": topic.event, "amount": 1001}
    assert (summary.delivered, summary.filtered, summary.dead) == (1, 2, 0)


async def test_event_that_cannot_fill_the_input_becomes_a_dead_letter_alone(stack: Stack) -> None:
    """The others go on, for this subscriber and the next."""
    topic, picky, easy = Topic(stack, "closed"), stack.name("picky"), stack.name("easy")
    async with stack.worker():
        for name, given in ((picky, {"account": "{payload.account}"}), (easy, None)):
            await stack.declare(name, runtime=DONE)
            await topic.subscribe(name, input=given)
        await topic.publish(id="bad", payload={})
        await topic.publish(id="good", payload={"account": "DE12"})
        await topic.quiet(2)
        (letter,) = await topic.dead()
        picked = await runs_of(stack, picky, 1)
        eased = await runs_of(stack, easy, 2)
    assert (letter.event_id, letter.subscriber) == (f"bad/{topic.event}", picky)
    assert "no 'account'" in letter.reason
    assert picked == [f"{picky}-event-good/{topic.event}"]
    assert len(eased) == 2


async def test_payload_by_digest_is_read_from_the_store(stack: Stack) -> None:
    """A run's result travels by name; one that is not there is a dead letter."""
    topic, name = Topic(stack, "closed"), stack.name("settlement")
    digest = await stack.store.put(canonical_json({"total": 7}))
    async with stack.worker():
        await stack.declare(name, runtime=DONE)
        await topic.subscribe(name, filter="payload.total == 7", input={"t": "{payload.total}"})
        lost = EventRecord(
            id=f"lost/{topic.event}", name=topic.event, at=datetime.now(UTC), payload="0" * 64
        )
        kept = lost.model_copy(update={"id": f"kept/{topic.event}", "payload": digest})
        for record in (lost, kept):
            await announce(stack.client, record, source="books-7", task_queue=stack.task_queue)
        await topic.quiet(2)
        (run_id,) = await runs_of(stack, name, 1)
        given = await input_of(stack, run_id)
        (letter,) = await topic.dead()
    assert given["input"] == {"t": 7}
    assert given["lineage"]["root"] == given["lineage"]["parent"] == "books-7"
    assert letter.event_id == f"lost/{topic.event}"
    assert "its payload is not in this worker's store" in letter.reason


async def test_subscriber_removed_before_delivery_gets_nothing_more(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the store is out of reach the topic waits; who leaves meanwhile is a dead letter."""
    topic, name, stays = Topic(stack, "closed"), stack.name("leaves"), stack.name("stays")
    digest = await stack.store.put(canonical_json({"total": 7}))
    record = EventRecord(
        id=f"e/{topic.event}", name=topic.event, at=datetime.now(UTC), payload=digest
    )

    async def out_of_reach(*_: object) -> Any:
        raise OSError("the store is out of reach")

    async with stack.worker():
        for agent in (name, stays):
            await stack.declare(agent, runtime=DONE)
            await topic.subscribe(agent)
        with monkeypatch.context() as broken:
            broken.setattr("activities.desks.topics.get_json", out_of_reach)
            await announce(stack.client, record, source="books-7", task_queue=stack.task_queue)
            stuck = await topic.until(lambda summary: "out of reach" in summary.trouble)
            await topic.handle.execute_update("unsubscribe", {"name": name})
        summary = await topic.quiet(1)
        (letter,) = await topic.dead()
        ids = await runs_of(stack, stays, 1)
        left = await stack.keeper(name)
    assert stuck.waiting == 2
    assert (letter.subscriber, letter.reason) == (name, "no longer subscribed")
    assert (summary.delivered, summary.dead, summary.trouble) == (1, 1, "")
    assert ids == [f"{stays}-event-e/{topic.event}"]
    assert left.ledger == {}


async def test_replay_delivers_the_last_events_to_a_new_subscriber(stack: Stack) -> None:
    """In their order, and to who has had them nothing is delivered twice."""
    topic, old, new = Topic(stack, "closed"), stack.name("old"), stack.name("new")
    async with stack.worker():
        for name in (old, new):
            await stack.declare(name, runtime=DONE)
        await topic.subscribe(old)
        for number in range(5):
            await topic.publish(id=str(number))
        await topic.subscribe(new)
        replayed = [
            await topic.handle.execute_update("replay", {"subscriber": name, "last": 3})
            for name in (new, old)
        ]
        await topic.quiet(5)
        order = await start_times(stack, await runs_of(stack, new, 3))
        ids = await runs_of(stack, old, 5)
        with pytest.raises(WorkflowUpdateFailedError) as caught:
            await topic.handle.execute_update("replay", {"subscriber": "nobody", "last": 1})
    assert replayed == [3, 3]
    assert order == [f"{new}-event-{number}/{topic.event}" for number in (2, 3, 4)]
    assert len(ids) == 5
    assert f"subscribers are: {new}, {old}" in str(caught.value.cause)


async def test_event_announced_before_anybody_subscribes_is_kept_for_replay(stack: Stack) -> None:
    """The first announcement starts the topic; a later subscriber can ask for what it missed."""
    topic, name = Topic(stack, "closed"), stack.name("late")
    id = f"books-7/{topic.event}"
    record = EventRecord(id=id, name=topic.event, at=datetime(2026, 11, 22, 6, 0, tzinfo=UTC))
    async with stack.worker():
        await announce(stack.client, record, source="books-7", task_queue=stack.task_queue)
        await topic.subscribe(name, filter='event.at == "2026-11-22T06:00:00Z"')
        before = await topic.quiet(1)
        await topic.handle.execute_update("replay", {"subscriber": name, "last": 10})
        after = await topic.until(lambda summary: summary.delivered == 1)
        history = await topic.handle.fetch_history()
    assert (before.delivered, after.published) == (0, 1)
    # The topic has taken updates, signals and a delivery: all of it replays.
    plugin = RotaPlugin(stack.store)
    await Replayer(workflows=[TopicWorkflow], plugins=[plugin]).replay_workflow(history)
