"""What activities answer about effects, and what they are told to tell a keeper."""

from rota.calls import ResultRef
from rota.effects import EffectNote
from rota.model import Record, StepResult


class EffectLook(StepResult):
    """What is known of a call that no attempt has answered."""

    result: ResultRef | None = None
    """None: nothing of it has happened."""


class NoteEffectInput(Record):
    """Tell the keeper of an unknown effect, or that it is none any more."""

    agent: str
    note: EffectNote
