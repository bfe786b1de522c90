"""What is posted becomes an event: once, with a topic that need not be there yet."""

from temporalio.client import WorkflowHandle

from rota.ids import topic_id
from rota.topics.topic import TalliedEvent
from tests.stack import Stack
from tests.workers.gateway.gateways import served
from tests.workers.gateway.hook_doors import gateway_with, post, topic_door
from tests.workflows.gates import poll


async def test_delivery_becomes_one_event_however_often_it_comes(stack: Stack) -> None:
    """Taken without a worker; its id is the delivery's, and it is marked unless it is trusted."""
    topic, quiet = stack.name("orders"), stack.name("quiet")
    doors = topic_door(topic, payload={"order": "{body.id}"}), topic_door(quiet, trusted=True)
    async with served(gateway_with(stack, *doors)) as asking:
        answers = [await post(asking, f"/events/{topic}", {"id": 7}) for _ in range(2)]
        other = await post(asking, f"/events/{quiet}", {"id": 8})
        large = await post(asking, f"/events/{topic}", {"id": "x" * 300_000}, "msg_2")
    told = {"id": "msg_1", "taken": True, "event_id": f"msg_1/{topic}"}
    assert [(each.status_code, each.json()) for each in answers] == [(202, told)] * 2
    assert other.status_code == 202
    assert (large.status_code, large.text) == (413, "an event carries at most 262144 bytes\n")
    async with stack.worker():
        event = await only_event(stack, topic)
        trusted = await only_event(stack, quiet)
    assert (event.event.id, event.event.payload) == (f"msg_1/{topic}", {"order": 7})
    assert event.event.tainted
    assert not trusted.event.tainted


async def only_event(stack: Stack, topic: str) -> TalliedEvent:
    """The one event that the topic has."""
    handle: WorkflowHandle[object, object] = stack.client.get_workflow_handle(topic_id(topic))

    async def some() -> list[TalliedEvent] | None:
        return await handle.query("events", 0, result_type=list[TalliedEvent]) or None

    (event,) = await poll(some)
    return event
