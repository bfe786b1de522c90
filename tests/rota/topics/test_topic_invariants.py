"""What holds of a topic whatever happens, in whatever order, however often it starts anew."""

from datetime import UTC, datetime

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from rota.coordination.spec import SubscriptionSpec
from rota.steps import Delivered
from rota.topics.rules import TopicBook
from rota.topics.topic import (
    PublishRequest,
    ReplayRequest,
    Subscriber,
    Tally,
    TopicState,
    Unsubscription,
)

NOW = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
NAMES = st.sampled_from(["a", "b", "c"])


class TopicMachine(RuleBasedStateMachine):
    """Events come, some twice; subscribers come and go; batches succeed, or do not."""

    def __init__(self) -> None:
        super().__init__()
        self.book = TopicBook(TopicState(name="closed"))
        self.got: dict[str, list[int]] = {}
        """Sequence numbers delivered, by subscriber, replays left out."""
        self.owed: dict[str, list[int]] = {}
        """Those published while it subscribed."""
        self.replayed = False

    @rule(id=st.integers(0, 30).map(str), size=st.sampled_from([0, 10, 200_000]))
    def publish(self, id: str, size: int) -> None:
        before = self.book.published
        receipt = self.book.publish(PublishRequest(id=id, payload="x" * size or None), "", NOW)
        assert receipt.duplicate == (receipt.sequence <= before)
        if not receipt.duplicate:
            for name in self.book.subscribers:
                self.owed.setdefault(name, []).append(receipt.sequence)

    @rule(name=NAMES)
    def subscribe(self, name: str) -> None:
        spec = SubscriptionSpec(event="closed")
        wanted = Subscriber(name=name, fleet="f", task_queue="q", subscription=spec)
        self.book.subscribe(wanted)

    @rule(name=NAMES)
    def unsubscribe(self, name: str) -> None:
        self.book.unsubscribe(Unsubscription(name=name))

    @rule(name=NAMES, last=st.integers(1, 5))
    def replay(self, name: str, last: int) -> None:
        if name in self.book.subscribers:
            self.replayed |= self.book.replay(ReplayRequest(subscriber=name, last=last)) > 0

    @rule(fails=st.booleans(), anew=st.booleans())
    def deliver(self, fails: bool, anew: bool) -> None:
        batch = self.book.next_batch(NOW)
        if anew:  # as if the worker had died, or the topic had been continued as new
            self.book = TopicBook(self.book.state())
            return
        if fails:
            self.book.put_back()
            return
        tallies: dict[int, Tally] = {}
        for delivery in batch:
            sequence, tally = delivery.event.sequence, Tally(started=len(delivery.subscribers))
            tallies[sequence] = tallies.get(sequence, Tally()).plus(tally)
            for name in delivery.subscribers:
                assert name in self.book.subscribers
                self.got.setdefault(name, []).append(sequence)
        self.book.settle(Delivered(tallies=tallies))

    @rule()
    def continue_as_new(self) -> None:
        self.book = TopicBook(TopicState.model_validate_json(self.book.state().model_dump_json()))

    @invariant()
    def nothing_is_delivered_unasked_twice_or_out_of_order(self) -> None:
        if self.replayed:
            return
        for name, sequences in self.got.items():
            assert sequences == sorted(set(sequences))
            assert set(sequences) <= set(self.owed[name])

    @invariant()
    def every_delivery_is_accounted_for(self) -> None:
        state = self.book.state()
        waiting = sum(len(delivery.subscribers) for delivery in state.pending)
        got = sum(map(len, self.got.values()))
        assert state.delivered == got
        if not self.replayed:
            owed = sum(map(len, self.owed.values()))
            assert owed == got + waiting + state.buried
        assert all(found.tally.waiting >= 0 for found in self.book.events_after(0))

    @invariant()
    def numbers_have_no_gap(self) -> None:
        state = self.book.state()
        assert sorted(state.ids.values()) == list(range(1, state.published + 1))
        sequences = [event.sequence for event in state.recent]
        assert sequences == list(range(state.published - len(sequences) + 1, state.published + 1))


TestTopicMachine = TopicMachine.TestCase
