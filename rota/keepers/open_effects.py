"""What a keeper knows of effects that wait for somebody's word. Pure."""

from rota.effects.records import EffectNote, OpenEffect
from rota.keepers.state import MOST_OPEN_EFFECTS, KeeperState
from rota.metrics import totals


def noted(state: KeeperState, note: EffectNote) -> KeeperState:
    """Remember an open effect, or forget it, once for each run. Repeating it changes nothing.

    Of one that is known now, all are forgotten but those of runs that still wait for a word.
    """
    told = note.effect

    def stays(each: OpenEffect) -> bool:
        if each.key != told.key:
            return True
        waits = each.until is not None and each.until > told.since
        return each.run.key != told.run.key and (note.open or waits)

    others = tuple(each for each in state.open_effects if stays(each))
    known = any(each.key == told.key for each in state.open_effects)
    if note.open and not known:
        state = state.model_copy(update={"totals": totals.asked_about(state.totals)})
    kept = (*others, told)[-MOST_OPEN_EFFECTS:] if note.open else others
    return state.model_copy(update={"open_effects": kept})
