"""Deliveries against servers and stores that answer, refuse, or are not there."""

import asyncio
import dataclasses
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from temporalio.client import Client
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import ActivityEnvironment

from activities.desks.topics import PATIENT_ATTEMPTS, TopicDeskActivities
from activities.stores.base import StoreError
from activities.stores.local import LocalStore
from rota.coordination.spec import SubscriptionSpec
from rota.failures import PAYLOAD_ERROR_TYPE
from rota.steps import Delivered, DeliverInput
from rota.topics.topic import Delivery, Event, Subscriber, Tally

NOW = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)


class Server:
    """A client that takes down what is started, and fails where it should."""

    def __init__(self, errors: dict[str, Exception] | None = None) -> None:
        self.errors = errors or {}
        self.started: list[str] = []
        self.calls: list[tuple[str, dict[str, Any], dict[str, Any]]] = []
        self.at_once = self.most_at_once = 0

    async def start_workflow(self, workflow: str, argument: dict[str, Any], **options: Any) -> None:
        """Start, or fail."""
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        if error := self.errors.get(options["id"]):
            raise error
        self.started.append(options["id"])
        self.calls.append((workflow, argument, options))


def rpc_error(status: RPCStatusCode) -> RPCError:
    """A refusal of the server."""
    return RPCError("no such luck", status, b"")


def event(sequence: int, **given: Any) -> Event:
    """An event of the topic `closed`."""
    return Event(sequence=sequence, id=f"e{sequence}", at=NOW, **given)


def subscriber(name: str, kind: Any = "Agent", **given: Any) -> Subscriber:
    """A subscriber of the topic `closed`."""
    spec = SubscriptionSpec(event="closed", **given)
    return Subscriber(name=name, kind=kind, fleet="f", task_queue="q", subscription=spec)


async def deliver(
    server: Server,
    store: Path,
    events: list[Event],
    *subscribers: Subscriber,
    attempt: int = 1,
) -> Delivered:
    """Deliver all events to all subscribers."""
    names = tuple(found.name for found in subscribers)
    desk = TopicDeskActivities(cast("Client", server), LocalStore(store))
    input = DeliverInput(
        topic="closed",
        deliveries=tuple(Delivery(event=found, subscribers=names) for found in events),
        subscribers={found.name: found for found in subscribers},
    )
    environment = ActivityEnvironment()
    environment.info = dataclasses.replace(environment.info, attempt=attempt)
    return await environment.run(desk.deliver_events, input)


async def test_delivery_starts_agents_and_pipelines_on_their_own_queue(tmp_path: Path) -> None:
    """Plain JSON in, as a person would start them; each under the event's own id."""
    server = Server()
    found = (subscriber("books"), subscriber("night", kind="Pipeline"))
    await deliver(server, tmp_path, [event(1, payload={"n": 1}, source="r1")], *found)
    lineage = {"root": "r1", "parent": "r1", "occasion": "event:e1"}
    for (workflow, argument, options), (kind, subject, name) in zip(
        sorted(server.calls, key=lambda call: call[0]),
        [("AgentRun", "agent", "books"), ("PipelineRun", "pipeline", "night")],
        strict=True,
    ):
        assert workflow == kind
        assert argument[subject] == name
        assert (argument["trigger"], argument["lineage"]) == ("event", lineage)
        assert argument["input"]["event"]["payload"] == {"n": 1}
        assert (options["id"], options["task_queue"]) == (f"{name}-event-e1", "q")
        assert options["id_reuse_policy"] is WorkflowIDReusePolicy.REJECT_DUPLICATE
        assert options["static_summary"] == f"{name} · event e1"


async def test_delivery_is_in_order_per_subscriber_and_side_by_side_between_them(
    tmp_path: Path,
) -> None:
    """A slow subscriber holds up nobody else's events."""
    server = Server()
    found = [subscriber("a"), subscriber("b"), subscriber("c")]
    await deliver(server, tmp_path, [event(number) for number in range(1, 6)], *found)
    for name in "abc":
        own = [id for id in server.started if id.startswith(f"{name}-")]
        assert own == [f"{name}-event-e{number}" for number in range(1, 6)]
    assert server.most_at_once == 3


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (rpc_error(RPCStatusCode.INVALID_ARGUMENT), "the server refuses the run: no such luck"),
        (ApplicationError("not JSON", type=PAYLOAD_ERROR_TYPE), "not JSON"),
    ],
)
async def test_delivery_that_can_never_succeed_is_dead_and_the_others_go_on(
    tmp_path: Path, error: Exception, reason: str
) -> None:
    """The letter names event, subscriber and reason."""
    server = Server({"a-event-e1": error})
    found = await deliver(server, tmp_path, [event(1), event(2)], subscriber("a"), subscriber("b"))
    assert found.tallies == {1: Tally(started=1, dead=1), 2: Tally(started=2)}
    (letter,) = found.dead
    assert (letter.event_id, letter.sequence, letter.subscriber) == ("e1", 1, "a")
    assert letter.reason == reason


async def test_delivery_that_was_made_before_counts_as_started(tmp_path: Path) -> None:
    """An attempt that nobody heard the end of is repeated without harm."""
    server = Server({"a-event-e1": WorkflowAlreadyStartedError("a-event-e1", "AgentRun")})
    found = await deliver(server, tmp_path, [event(1)], subscriber("a"))
    assert found == Delivered(tallies={1: Tally(started=1)})


@pytest.mark.parametrize(
    "error",
    [
        rpc_error(RPCStatusCode.UNAVAILABLE),
        rpc_error(RPCStatusCode.RESOURCE_EXHAUSTED),
        rpc_error(RPCStatusCode.NOT_FOUND),
        ApplicationError("something else"),
    ],
)
async def test_delivery_that_may_succeed_later_fails_the_batch(
    tmp_path: Path, error: Exception
) -> None:
    """It is repeated whole: no event is passed over because of a server in trouble."""
    server = Server({"a-event-e1": error})
    with pytest.raises(type(error)) as caught:
        await deliver(server, tmp_path, [event(1), event(2)], subscriber("a"), subscriber("b"))
    assert caught.value is error
    assert "a-event-e2" not in server.started


async def test_delivery_with_an_unexpected_error_again_and_again_is_dead_alone(
    tmp_path: Path,
) -> None:
    """A fault in one delivery does not hold up the topic; its letter names the error."""
    server = Server({"a-event-e1": KeyError("who knows")})
    given = ([event(1), event(2)], subscriber("a"), subscriber("b"))
    with pytest.raises(KeyError):
        await deliver(server, tmp_path, *given, attempt=PATIENT_ATTEMPTS)
    found = await deliver(server, tmp_path, *given, attempt=PATIENT_ATTEMPTS + 1)
    assert found.tallies == {1: Tally(started=1, dead=1), 2: Tally(started=2)}
    (letter,) = found.dead
    assert (letter.event_id, letter.subscriber) == ("e1", "a")
    assert letter.reason == "unexpected KeyError: 'who knows'"


@pytest.mark.parametrize(
    "error",
    [
        rpc_error(RPCStatusCode.UNAVAILABLE),
        rpc_error(RPCStatusCode.NOT_FOUND),
        StoreError("disk gone"),
        ConnectionError("no route"),
    ],
)
async def test_delivery_to_what_is_out_of_reach_is_never_given_up(
    tmp_path: Path, error: Exception
) -> None:
    """However often it has failed: the event waits until server and store are back."""
    server = Server({"a-event-e1": error})
    with pytest.raises(type(error)):
        await deliver(server, tmp_path, [event(1)], subscriber("a"), attempt=100)


@pytest.mark.parametrize(
    ("stored", "reason"),
    [(None, "is not in this worker's store"), (b"\xff{", "its payload is not JSON")],
)
async def test_delivery_whose_payload_is_not_there_is_dead(
    tmp_path: Path, stored: bytes | None, reason: str
) -> None:
    """No run starts without what it is to work on."""
    digest = "0" * 64 if stored is None else await LocalStore(tmp_path).put(stored)
    server = Server()
    found = await deliver(server, tmp_path, [event(1, payload_digest=digest)], subscriber("a"))
    assert found.tallies == {1: Tally(dead=1)}
    assert reason in found.dead[0].reason
    assert server.started == []


async def test_delivery_with_a_store_that_does_not_answer_fails_the_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only a payload that is certainly missing is given up."""

    async def out_of_reach(*_: object) -> bytes:
        raise StoreError("disk gone")

    monkeypatch.setattr(LocalStore, "get", out_of_reach)
    with pytest.raises(StoreError):
        await deliver(Server(), tmp_path, [event(1, payload_digest="0" * 64)], subscriber("a"))


async def test_delivery_filtered_or_twice_in_a_batch_is_counted_each_time(tmp_path: Path) -> None:
    """A replay may put an event into the batch that holds it already."""
    found = await deliver(
        Server(), tmp_path, [event(1), event(1)], subscriber("a"), subscriber("b", filter="false")
    )
    assert found.tallies == {1: Tally(started=2, filtered=2)}
