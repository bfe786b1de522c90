"""A topic's decisions: which events it takes, who gets them, what it remembers."""

import math
from datetime import UTC, datetime
from typing import Any

import pytest

from rota.coordination.spec import SubscriptionSpec
from rota.steps import Delivered
from rota.topics import chronicle as topic_chronicle
from rota.topics import rules as topic_rules
from rota.topics import topic
from rota.topics.rules import TopicBook, event_of, unique_id
from rota.topics.subscriptions import SubscriptionError
from rota.topics.topic import (
    DeadLetter,
    Delivery,
    PublishRequest,
    ReplayRequest,
    Subscriber,
    Tally,
    TopicState,
    Unsubscription,
)

NOW = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
EVENT = "books.closed"


def subscriber(name: str, fleet: str = "finance", event: str = EVENT, **given: Any) -> Subscriber:
    """A subscription."""
    subscription = SubscriptionSpec(event=event, **given)
    return Subscriber(name=name, fleet=fleet, task_queue="rota", subscription=subscription)


def book(*names: str) -> TopicBook:
    """An empty book with subscribers."""
    made = TopicBook(TopicState(name=EVENT))
    for name in names:
        made.subscribe(subscriber(name))
    return made


def publish(made: TopicBook, id: str = "", payload: Any = None) -> topic.Published:
    """Publish an event."""
    fresh = f"fresh-{made.published}"
    return made.publish(PublishRequest(id=id, payload=payload), fresh, NOW)


@pytest.mark.parametrize(
    ("given", "marked"),
    [
        ({"payload": {"mail": "…"}}, True),
        ({"payload": {"mail": "…"}, "trusted": True}, False),
        ({}, False),
        ({"payload_digest": "0" * 64, "source": "reader-1"}, False),
        ({"payload_digest": "0" * 64, "source": "reader-1", "tainted": True}, True),
        ({"payload": 1, "tainted": True, "trusted": True}, True),
    ],
)
def test_payload_from_outside_marks_what_it_starts_unless_somebody_vouches_for_it(
    given: dict[str, Any], marked: bool
) -> None:
    """A run's own event says itself what it has read."""
    made = book("mail")
    made.publish(PublishRequest.model_validate(given), "fresh", NOW)
    (delivery,) = made.next_batch(NOW)
    assert delivery.event.tainted is marked


def shown(batch: tuple[Delivery, ...]) -> list[tuple[int, tuple[str, ...]]]:
    """Sequence and subscribers of each delivery."""
    return [(delivery.event.sequence, delivery.subscribers) for delivery in batch]


@pytest.mark.parametrize(
    ("id", "unique"),
    [
        ("2026-11-22", "2026-11-22/books.closed"),
        ("r1/books.closed", "r1/books.closed"),
        ("r1/other", "r1/other/books.closed"),
        ("books.closed", "books.closed/books.closed"),
    ],
)
def test_event_id_names_its_topic_once(id: str, unique: str) -> None:
    """Two topics' events never share a run, and a run's own event keeps its id."""
    assert unique_id(id, EVENT) == unique
    assert unique_id(unique, EVENT) == unique


@pytest.mark.parametrize("id", ["books.closed", "topic:", "topic:Books", "topic:a b", "topic:a."])
def test_topic_id_that_names_no_event_is_refused(id: str) -> None:
    """The message shows how one looks."""
    with pytest.raises(ValueError, match="topic:reconciliation"):
        event_of(id)
    assert event_of("topic:books.closed") == EVENT


def test_publish_numbers_events_from_one_and_knows_them_again() -> None:
    """The second publication of an id answers with the number of the first."""
    made = book("a")
    first, second, again = (publish(made, id) for id in ("x", "y", "x"))
    assert (first.sequence, second.sequence, again.sequence) == (1, 2, 1)
    assert (first.duplicate, again.duplicate) == (False, True)
    assert shown(made.next_batch(NOW)) == [(1, ("a",)), (2, ("a",))]


def test_publish_without_id_is_an_event_of_its_own() -> None:
    """Each publication counts."""
    made = book()
    assert [publish(made).id for _ in range(2)] == [f"fresh-{n}/{EVENT}" for n in (0, 1)]


@pytest.mark.parametrize(
    ("payload", "digest", "reason"),
    [
        ("x" * topic.PAYLOAD_LIMIT, None, "the most is 262144"),
        ({"n": math.nan}, None, "not JSON"),
        ({"n": 1}, "0" * 64, "not both"),
    ],
)
def test_publish_of_what_cannot_be_carried_is_refused(
    payload: Any, digest: str | None, reason: str
) -> None:
    """It gets no number, its letter says why, and its id stays free."""
    made = book("a")
    request = PublishRequest(id="x", payload=payload, payload_digest=digest)
    refused = made.publish(request, "", NOW)
    assert refused.sequence == 0
    assert reason in refused.refused
    assert [letter.event_id for letter in made.dead] == [f"x/{EVENT}"]
    assert publish(made, "x").sequence == 1


def test_publish_to_a_topic_too_far_behind_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A topic that cannot deliver stays small enough to be loaded, and takes events again."""
    monkeypatch.setattr(topic_rules, "BACKLOG_BYTES", 3000)
    made = book("a")
    receipts = [publish(made, payload="x" * 998) for _ in range(3)]
    assert [bool(receipt.refused) for receipt in receipts] == [False, False, True]
    assert "2 deliveries wait already" in receipts[2].refused
    made.next_batch(NOW)
    assert publish(made, payload="x" * 998).refused
    made.settle(Delivered())
    assert not publish(made, payload="x" * 998).refused


def test_deliveries_are_fixed_at_publication() -> None:
    """Who comes later gets later events; who leaves gets none, and a letter says so."""
    made = book("a", "b")
    publish(made)
    made.subscribe(subscriber("c"))
    made.unsubscribe(Unsubscription(name="a"))
    publish(made)
    assert shown(made.next_batch(NOW)) == [(1, ("b",)), (2, ("b", "c"))]
    (letter,) = made.dead
    assert (letter.sequence, letter.subscriber) == (1, "a")
    assert letter.reason == "no longer subscribed"
    assert made.events_after(0)[0].tally == Tally(deliveries=2, dead=1)


def test_batch_whose_every_subscriber_left_is_empty() -> None:
    """There is nothing to deliver, and nothing left pending."""
    made = book("a")
    publish(made)
    made.unsubscribe(Unsubscription(name="a"))
    assert made.next_batch(NOW) == ()
    assert not made.has_pending


def test_batch_is_bounded_by_deliveries_and_by_bytes() -> None:
    """A batch ends with the event that reaches a limit; a single one always fits."""
    made = book(*(f"s{number}" for number in range(60)))
    for _ in range(3):
        publish(made)
    assert [len(made.next_batch(NOW)), len(made.next_batch(NOW))] == [2, 1]
    big = book("a")
    for _ in range(6):
        publish(big, payload="x" * 260_000)
    assert [len(big.next_batch(NOW)), len(big.next_batch(NOW))] == [5, 1]


def test_batch_put_back_comes_first_again() -> None:
    """A failed batch is delivered before anything that came after it."""
    made = book("a")
    for _ in range(2):
        publish(made)
    made.next_batch(NOW)
    publish(made)
    made.put_back()
    assert shown(made.next_batch(NOW)) == [(1, ("a",)), (2, ("a",)), (3, ("a",))]


def test_settled_batch_is_counted_by_event_and_in_all() -> None:
    """Started, filtered and dead add up to the deliveries."""
    made = book("a", "b", "c")
    publish(made)
    made.next_batch(NOW)
    dead = DeadLetter(at=NOW, event_id="x", sequence=1, subscriber="c", reason="no")
    tally = Tally(started=1, filtered=1, dead=1)
    made.settle(Delivered(tallies={1: tally}, dead=(dead,)))
    (event,) = made.events_after(0)
    summary = made.summary()
    assert event.tally == Tally(deliveries=3, started=1, filtered=1, dead=1)
    assert event.tally.waiting == summary.waiting == 0
    assert (summary.delivered, summary.filtered, summary.dead) == (1, 1, 1)
    assert made.dead == (dead,)


def test_subscription_changed_by_its_own_fleet_keeps_its_place() -> None:
    """Applying again changes nothing; a new filter is a change, not a new subscriber."""
    made = book()
    publish(made)
    assert made.subscribe(subscriber("a")) is True
    publish(made)
    assert made.subscribe(subscriber("a")) is False
    assert made.subscribe(subscriber("a", filter="payload.n > 1")) is True
    found = made.subscribers["a"]
    assert (found.since, found.subscription.filter) == (1, "payload.n > 1")


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        (subscriber("a", fleet="sales"), "from fleet 'finance'"),
        (subscriber("b", event="books.opened"), "asks for 'books.opened'"),
    ],
)
def test_subscription_that_cannot_be_is_refused(wanted: Subscriber, reason: str) -> None:
    """A fleet changes nothing of another's, and nobody subscribes by mistake."""
    made = book("a")
    with pytest.raises(SubscriptionError, match=reason):
        made.subscribe(wanted)
    assert made.subscribers == {"a": subscriber("a")}


def test_subscription_beyond_the_most_is_refused() -> None:
    """The message says what to do instead; those there are can still be changed."""
    made = book(*(f"s{number}" for number in range(topic.MOST_SUBSCRIBERS)))
    with pytest.raises(SubscriptionError, match="a topic of its own"):
        made.subscribe(subscriber("one-more"))
    assert made.subscribe(subscriber("s0", filter="payload.n")) is True


def test_unsubscribe_for_another_fleet_is_refused() -> None:
    """Who names a fleet takes back its own only; a second time changes nothing."""
    made = book("a")
    with pytest.raises(SubscriptionError, match="remove it there first"):
        made.unsubscribe(Unsubscription(name="a", fleet="sales"))
    assert made.unsubscribe(Unsubscription(name="a", fleet="finance")) is True
    assert made.unsubscribe(Unsubscription(name="a", fleet="finance")) is False


def test_replay_delivers_the_newest_events_in_order() -> None:
    """Behind what is pending already, and to that subscriber alone."""
    made = book("a")
    for _ in range(3):
        publish(made)
    made.subscribe(subscriber("b"))
    assert made.replay(ReplayRequest(subscriber="b", last=2)) == 2
    wanted = [*((n, ("a",)) for n in (1, 2, 3)), *((n, ("b",)) for n in (2, 3))]
    assert shown(made.next_batch(NOW)) == wanted


def test_chronicle_is_bounded_in_events_bytes_ids_and_letters(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However much comes, what is carried stays small, and the newest is there."""
    monkeypatch.setattr(topic_chronicle, "REMEMBERED_IDS", 300)
    made = book()
    for number in range(400):
        publish(made, str(number))
        made.refuse("no", NOW)
    state = made.state()
    assert [event.sequence for event in state.recent] == list(range(201, 401))
    assert set(state.tallies) == set(range(201, 401))
    assert list(state.ids.values()) == list(range(101, 401))
    assert (len(state.dead), state.buried) == (topic.DEAD_LETTERS, 400)
    for _ in range(20):
        publish(made, payload="x" * 250_000)
    recent = made.state().recent
    assert sum(event.size for event in recent) <= topic.RECENT_BYTES
    assert recent[-1].sequence == 420


def test_events_are_paged_by_size() -> None:
    """One answer never grows beyond what a query can carry."""
    made = book()
    for _ in range(5):
        publish(made, payload="x" * 250_000)
    pages = [[found.event.sequence for found in made.events_after(n)] for n in (0, 3, 5)]
    assert pages == [[1, 2, 3], [4, 5], []]
