"""What a freeze has to do with a slot, as links of its explanation. Pure."""

from collections.abc import Sequence

from rota.ids import format_slot
from rota.keepers.state import LedgerEntry
from rota.runs import RunStatus
from schedules.entry_reasons import Reason, ReasonKind
from schedules.slot_facts import SlotFacts


def frozen_reasons(facts: SlotFacts, entries: Sequence[LedgerEntry]) -> list[Reason]:
    """The freeze in force, if it bears on the slot, and how a slot that was lost is had.

    Args:
        facts: What is known.
        entries: Of the slot.
    """
    reasons: list[Reason] = []
    held, name = facts.state.freeze, facts.name
    if held is not None and not any(entry.status.closed for entry in entries):
        text = f"{name} is {held.text}, {held.ends}: 'rota thaw {name}' ends it"
        reasons.append(Reason(ReasonKind.FROZEN, text, at=held.at))
    lost = any(entry.frozen for entry in entries)
    if lost and all(entry.status is RunStatus.SKIPPED for entry in entries):
        slot = format_slot(facts.slot)
        text = (
            "slots of a freeze are not caught up on: 'rota backfill "
            f"{name} --from {slot} --to {slot}' runs it, once {name} is thawed"
        )
        reasons.append(Reason(ReasonKind.FROZEN, text))
    return reasons
