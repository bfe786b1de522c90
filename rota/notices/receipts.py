"""What a channel's notifier knows of one fact: told, waiting, or given up. Pure."""

from datetime import datetime

from rota.ids import format_slot
from rota.model import Record
from rota.notices.notifier import NotifierState
from rota.notices.rules import mark_of


class Receipt(Record):
    """Whether a channel was told of a fact."""

    channel: str
    """As people call it."""
    told: bool | None
    """None: nobody knows. The notifier does not answer, or has forgotten."""
    at: datetime | None = None
    """When the message that held it was taken."""
    reason: str = ""
    """Why it was not told yet, or is not known."""

    @property
    def line(self) -> str:
        """`slack env:HOOK was told at 06:02:13`, for people."""
        if self.told:
            return f"{self.channel} was told" + (f" at {format_slot(self.at)}" if self.at else "")
        verb = "was not told yet" if self.told is False else "may have been told"
        return f"{self.channel} {verb}: {self.reason}"


def receipt_of(channel: str, state: NotifierState | None, fact: str) -> Receipt:
    """What the notifier of `channel` says of the fact with that id.

    Args:
        channel: As people call it.
        state: The notifier's; None: it does not answer, or has ended.
        fact: The fact's id.
    """
    if state is None:
        return Receipt(
            channel=channel, told=None, reason="its notifier has ended, or is not served"
        )
    mark = mark_of(fact)
    if mark in state.told:
        return Receipt(channel=channel, told=True, at=state.told[mark])
    waiting = (*state.pending, *(state.message.facts if state.message else ()))
    if any(each.id == fact for each in waiting):
        reason = state.trouble.reason if state.trouble else "it waits for others, to go with them"
        return Receipt(channel=channel, told=False, reason=reason)
    if mark in state.seen and state.trouble is not None:
        reason = f"given up, and only counted: {state.trouble.reason}"
        return Receipt(channel=channel, told=False, reason=reason)
    return Receipt(channel=channel, told=None, reason="its notifier does not remember it")
