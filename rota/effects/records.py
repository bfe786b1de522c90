"""What is on record of an effect: that it was meant, that it happened, or that nobody knows.

Records alone; the decisions are in `rota.effects.rules`. An *effect* is one call of a tool that
changes something, named by its idempotency key. Its record grows by versions, each written once:
so of all who call, look or decide at the same time one goes on, and the others see it.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field

from rota.keepers.admission import RunRef
from rota.model import Declared, Record, canonical_json
from rota.tools import Effect

ID_LENGTH = 16
"""Digits of a key that name an effect to people."""


class EffectStage(StrEnum):
    """How far an effect has come, as far as anybody knows."""

    INTENT = "intent"
    """It is about to be made, or was, and nobody has reported its end."""
    HAPPENED = "happened"
    """There is a receipt: the result of the call."""
    DID_NOT = "did_not"
    """Nothing happened: the tool refused, or somebody has looked. It may be made."""
    UNKNOWN = "unknown"
    """It may have happened, and whoever could be asked cannot say."""


class EffectResolution(Declared):
    """Somebody says whether an effect happened: argument of a run's update `resolve_effect`."""

    effect: str = Field(min_length=1, max_length=64)
    """`EffectRecord.id`, or the whole key."""
    happened: bool
    receipt: Any = None
    """What the call would have returned, if it happened and that is known."""
    by: str = ""
    note: str = ""

    def says_the_same_as(self, other: "EffectResolution") -> bool:
        """True if both decide alike, whoever says so."""
        mine, theirs = canonical_json(self.receipt), canonical_json(other.receipt)
        return self.happened == other.happened and mine == theirs

    @property
    def shown(self) -> str:
        """What it says, in one line for people; the receipt stays out, which may be long."""
        word = "happened" if self.happened else "did not happen"
        by = f", says {self.by}" if self.by else ""
        return f"{word}{by}" + (f": {self.note}" if self.note else "")


class EffectIntent(Record):
    """A call that is to have an effect."""

    key: str
    """Its idempotency key."""
    tool: str
    effect: Effect
    agent: str
    run: RunRef
    node: str
    """Digest of the transcript node that makes the call."""
    index: int
    """Position among the calls of its turn, from 0."""
    arguments: str
    """Digest of the arguments."""
    attempt: str
    """Names the attempt, so that two of them know each other apart."""

    @property
    def id(self) -> str:
        """What people call the effect."""
        return self.key[:ID_LENGTH]


class EffectRecord(EffectIntent):
    """One version of what is known of an effect."""

    version: int
    """From 1, without gaps."""
    stage: EffectStage
    at: datetime
    """When it came to this stage."""
    begun_at: datetime
    """When the newest attempt at it began."""
    busy_until: datetime | None = None
    """That attempt may still be at work until then; None: it is over."""
    receipt: str | None = None
    """Digest of the call's result, once it happened."""
    text: str = ""
    """Why nobody knows, or why nothing happened, in one line."""
    resolution: EffectResolution | None = None
    """Who has said so, if it was not the call itself."""

    def next(self, stage: EffectStage, now: datetime, **changes: Any) -> "EffectRecord":
        """The version after this one; what belongs to a stage alone begins anew."""
        kept = {"busy_until": None, "receipt": None, "text": "", "resolution": None}
        version = {"version": self.version + 1, "stage": stage, "at": now}
        return self.model_copy(update={**kept, **version, **changes})


class UnknownEffect(Record):
    """A call of which nobody knows whether it took effect: what its run is told."""

    key: str
    version: int
    """Of the record: a resolution is for that version alone."""
    tool: str
    text: str
    """What is known of it."""
    begun_at: datetime
    busy_until: datetime | None = None
    """An attempt may still be at work until then."""
    look_at: datetime | None = None
    """Nothing of it is there, but an attempt may be at work until then: the run looks again at
    that time, and asks nobody."""

    @property
    def id(self) -> str:
        """What people call the effect."""
        return self.key[:ID_LENGTH]

    @property
    def waiting(self) -> str:
        """What the run waits for, in one line."""
        return f"effect {self.id} of {self.tool}: did it happen? {' '.join(self.text.split())}"


class OpenEffect(Record):
    """An effect that waits for somebody's word, as keepers and runs list it."""

    key: str
    tool: str
    run: RunRef
    text: str
    since: datetime
    until: datetime | None = None
    """When its run fails without an answer; None: it ends without waiting for one."""
    busy_until: datetime | None = None
    """An attempt may still be at work until then."""

    @property
    def id(self) -> str:
        """What people call the effect."""
        return self.key[:ID_LENGTH]


class EffectNote(Record):
    """A run tells its keeper of an unknown effect, or that it is none any more."""

    effect: OpenEffect
    open: bool
