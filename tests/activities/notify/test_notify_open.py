"""Which module sends to which kind of channel."""

from activities.notify.open import PROBES, SENDERS
from rota.notices.facts import ChannelKind


def test_every_kind_of_channel_has_a_sender_and_a_look() -> None:
    """A kind that can be declared and not be told would be found out by the first alert."""
    assert set(SENDERS) == set(PROBES) == set(ChannelKind)
