"""What holds of a notifier whatever comes, in whatever order."""

from collections import Counter
from datetime import datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from rota.notices import rules as notifier_rules
from rota.notices.facts import Message
from rota.notices.notifier import NotifierState
from rota.notices.spec import Occasion
from tests.rota.notices.notice_desk import Desk

OCCASIONS = (Occasion.FAILED, Occasion.PARKED)


class NotifierMachine(RuleBasedStateMachine):
    """Facts come, and come again; a receiver takes messages or does not; time passes."""

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk(
            group_seconds=5,
            per_minute=3,
            facts_per_message=3,
            most_pending=5,
            remembered=1000,
            pause_seconds=30,
            longest_pause_seconds=60,
            patience_seconds=200,
        )
        self.posted: dict[str, Occasion] = {}
        self.told: list[str] = []
        self.counted: Counter[Occasion] = Counter()
        self.begun: list[datetime] = []
        self.ids: dict[str, Message] = {}

    @rule(number=st.integers(0, 60), occasion=st.sampled_from(OCCASIONS))
    def post(self, number: int, occasion: Occasion) -> None:
        name = f"r{number}"
        self.posted.setdefault(f"{name}/{occasion.value}", occasion)
        self.desk.post(name, occasion=occasion)

    @rule(seconds=st.integers(1, 90))
    def time_passes(self, seconds: int) -> None:
        self.desk.later(seconds)

    @rule(works=st.booleans())
    def send(self, works: bool) -> None:
        message = self.desk.begin()
        if message is None:
            return
        self.begun.append(self.desk.now)
        assert self.ids.setdefault(message.id, message) == message, "one id, two messages"
        if not works:
            self.desk.give_up()
            return
        self.desk.take_it()
        self.told += [fact.id for fact in message.facts]
        self.counted.update(message.omitted)

    @rule()
    def continue_as_new(self) -> None:
        carried = self.desk.state.model_dump_json()
        self.desk.state = NotifierState.model_validate_json(carried)

    @invariant()
    def every_fact_is_told_once_or_counted_once_or_waits(self) -> None:
        assert len(self.told) == len(set(self.told))
        told = len(self.told) + self.counted.total()
        assert told == self.desk.state.facts
        assert told + notifier_rules.waiting(self.desk.state) == len(self.posted)

    @invariant()
    def no_minute_has_more_messages_than_allowed(self) -> None:
        for first, fourth in zip(self.begun, self.begun[3:], strict=False):
            assert fourth - first >= timedelta(seconds=60)

    @invariant()
    def what_is_kept_is_bounded(self) -> None:
        assert len(self.desk.state.pending) <= 5
        assert len(self.desk.state.sent_at) <= 3
        assert len(self.desk.state.omitted) <= len(OCCASIONS)

    def teardown(self) -> None:
        """With a receiver that works and one more fact all is told, whole or as a number."""
        self.posted["last/failed"] = Occasion.FAILED
        self.desk.post("last")
        for _ in range(20):
            self.desk.later(max(self.desk.due or 0, 0))
            self.send(True)
        assert notifier_rules.waiting(self.desk.state) == 0
        whole = Counter(self.posted[id] for id in self.told)
        assert whole + self.counted == Counter(self.posted.values())


NotifierMachine.TestCase.settings = settings(stateful_step_count=40)
TestNotifierInvariants = NotifierMachine.TestCase
