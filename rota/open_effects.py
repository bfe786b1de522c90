"""What a keeper knows of effects that wait for somebody's word. Pure."""

from rota.effects import EffectNote
from rota.keeper_state import MOST_OPEN_EFFECTS, KeeperState


def noted(state: KeeperState, note: EffectNote) -> KeeperState:
    """Remember an open effect, or forget it, once for each run. Repeating it changes nothing."""
    told = note.effect
    others = tuple(
        each for each in state.open_effects if (each.key, each.run.key) != (told.key, told.run.key)
    )
    kept = (*others, told)[-MOST_OPEN_EFFECTS:] if note.open else others
    return state.model_copy(update={"open_effects": kept})
