"""Why the ledger holds nothing of a slot: the verdict in sentences, and what to do.

Pure. The verdict itself is `rota.expected`'s, which `rota missed` tells as well.
"""

from datetime import timedelta

from rota.expected.slot_state import SlotState
from rota.ids import format_slot
from rota.language.durations import format_duration
from schedules.entry_reasons import Reason, ReasonKind
from schedules.slot_facts import SlotFacts

_MENDED = (
    SlotState.FROZEN,
    SlotState.OVERLAP,
    SlotState.OUTSIDE_WINDOW,
    SlotState.SERVER_DOWN,
    SlotState.UNKNOWN,
)
"""Of these a slot can be run after all, by a backfill."""


def gap_reasons(facts: SlotFacts) -> list[Reason]:
    """The reasons that hold, the weightiest first; never empty."""
    verdict = facts.verdict
    if verdict.state is SlotState.NOT_DUE and facts.slot > facts.now:
        return [_to_come(facts), *_standing(facts)]
    text = verdict.reason
    if verdict.state is SlotState.UNADMITTED:
        ended = facts.evidence.fired[facts.slot].ended is not None
        text += f": see 'rota show {verdict.run}'" if ended else f", see 'rota watch {verdict.run}'"
    elif verdict.state is SlotState.NOT_EXPECTED:
        if facts.slot > facts.now:
            return [_to_come(facts)]
        text = "no run was started for it"
    elif verdict.state in _MENDED and _is_of_the_ledgers_time(facts):
        slot = format_slot(facts.slot)
        text += f"; 'rota backfill {facts.name} --from {slot} --to {slot}' runs it now"
    reason = Reason(ReasonKind.GAP, text, run_id=verdict.run, at=verdict.at)
    told = verdict.state in (SlotState.UNADMITTED, SlotState.NO_SCHEDULE)
    return [reason] if told or facts.evidence.unread else [reason, *_standing(facts)]


def _is_of_the_ledgers_time(facts: SlotFacts) -> bool:
    begin = facts.evidence.begin
    return begin is not None and facts.slot >= begin and not facts.evidence.unread


def _to_come(facts: SlotFacts) -> Reason:
    away = facts.slot - facts.now
    # To the minute is enough for what is a day away.
    unit = 60 if away > timedelta(days=1) else 1
    away = timedelta(seconds=away.total_seconds() // unit * unit)
    return Reason(ReasonKind.GAP, f"it lies in the future, {format_duration(away)} from now")


def _standing(facts: SlotFacts) -> list[Reason]:
    """What keeps the schedule from starting runs now."""
    if facts.schedule is None or facts.verdict.state is SlotState.NOT_EXPECTED:
        return []
    live = facts.evidence.live
    if facts.state.spec is None:
        text = "no declaration is in force any more: 'rota apply' in its fleet declares it again"
    elif live is None:
        text = f"the server has no schedule '{facts.name}': 'rota apply' creates it"
    elif live.paused:
        note = f" ({live.note})" if live.note else ""
        text = (
            f"the schedule is paused{note}: slots that come meanwhile are dropped; "
            f"'rota resume {facts.name}' ends it"
        )
    elif live.differs and live.as_changed not in facts.verdict.reason:
        text = f"{live.as_changed}; 'rota apply' mends it"
    else:
        return []
    return [Reason(ReasonKind.SCHEDULE, text)]
