"""Facts and a notifier in a few words, for tests."""

from datetime import datetime, timedelta
from typing import Any

from rota.notices import rules as notifier_rules
from rota.notices.facts import Channel, ChannelKind, Fact, Message
from rota.notices.notifier import NotifierPolicy, NotifierState
from rota.notices.spec import Occasion
from tests.rota.keepers.desks import T0

SLACK = Channel(kind=ChannelKind.SLACK, queue="rota", target="env:SLACK_WEBHOOK")


def fact(name: str, occasion: Occasion = Occasion.FAILED, **more: Any) -> Fact:
    """A fact about the run `name`."""
    given: dict[str, Any] = {"agent": "report", "run": name, "reason": "it broke", "at": T0, **more}
    return Fact(id=f"{name}/{occasion.value}", occasion=occasion, **given)


def message(*facts: Fact, omitted: dict[Occasion, int] | None = None) -> Message:
    """A message of these facts."""
    return Message(id="msg_0123456789", facts=facts, omitted=omitted or {}, at=T0)


class Desk:
    """A notifier and a clock that only the test moves."""

    def __init__(self, **policy: Any) -> None:
        self.state = NotifierState(channel=SLACK, policy=NotifierPolicy(**policy))
        self.now: datetime = T0

    def later(self, seconds: float) -> "Desk":
        """Let time pass."""
        self.now += timedelta(seconds=seconds)
        return self

    def post(self, *names: str, occasion: Occasion = Occasion.FAILED) -> "Desk":
        """Facts come."""
        for name in names:
            self.state = notifier_rules.take(self.state, fact(name, occasion), self.now)
        return self

    def begin(self) -> Message | None:
        """Ask for the message to be sent now."""
        self.state, message = notifier_rules.next_message(self.state, self.now)
        return message

    def take_it(self) -> "Desk":
        """The receiver has it."""
        self.state = notifier_rules.sent(self.state, self.now)
        return self

    def give_up(self, reason: str = "no answer") -> "Desk":
        """It could not be sent."""
        self.state = notifier_rules.given_up(self.state, self.now, reason)
        return self

    def tell(self) -> list[str]:
        """Send what is due now; returns the runs it is about."""
        message = self.begin()
        if message is None:
            return []
        self.take_it()
        return [fact.run for fact in message.facts]

    @property
    def due(self) -> float | None:
        """Seconds from now until a message is due."""
        at = notifier_rules.due_at(self.state)
        return None if at is None else (at - self.now).total_seconds()
