"""What activities answer about effects, and what they are told to tell a keeper."""

from rota.effects.records import EffectNote
from rota.model import Record, StepResult
from rota.turns.calls import ResultRef


class EffectLook(StepResult):
    """What is known of a call that no attempt has answered."""

    result: ResultRef | None = None
    """None: nothing of it has happened."""


class NoteEffectInput(Record):
    """Tell the keeper of an unknown effect, or that it is none any more."""

    agent: str
    note: EffectNote
