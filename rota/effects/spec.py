"""What an agent declares about effects of which nobody knows whether they happened."""

from enum import StrEnum

from rota.model import Declared


class OnUnknown(StrEnum):
    """What a run does if nobody can tell whether one of its calls took effect."""

    PARK = "park"
    """It waits until a person says so, at most `budget.park_for`."""
    FAIL = "fail"
    """It ends as `outcome_unknown`; the question stays open for the next run."""


class EffectsSpec(Declared):
    """The `effects` block of an agent."""

    on_unknown: OnUnknown = OnUnknown.PARK
