"""What a workflow could not tell people so far: it tries again, also after continue-as-new."""

from rota.model import Record
from rota.notices.facts import Fact
from rota.notices.spec import NotifySpec


class Untold(Record):
    """Facts that could not be handed over."""

    facts: tuple[Fact, ...]
    notify: tuple[NotifySpec, ...]
    """Whom they are for."""
