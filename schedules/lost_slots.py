"""Slots that a freeze took, and the command that runs them after all. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rota.ids import format_slot
from rota.keepers.freezing import lost_slots
from rota.keepers.state import KeeperState, LedgerEntry
from rota.runs import Trigger
from schedules.backfill import BackfillError, Choice, plan_slots


@dataclass(frozen=True)
class Lost:
    """What one agent has missed while it was frozen."""

    name: str
    slots: tuple[datetime, ...] = ()
    """Slots of its schedule that have not succeeded since, oldest first."""
    others: int = 0
    """Runs that somebody, or an event, asked for."""

    @property
    def command(self) -> str:
        """What to type to run the slots; empty if none is lost."""
        if not self.slots:
            return ""
        first, last = format_slot(self.slots[0]), format_slot(self.slots[-1])
        return f"rota backfill {self.name} --from {first} --to {last} --only-missing"

    @property
    def document(self) -> dict[str, Any]:
        """What `--json` prints of it."""
        slots = [format_slot(slot) for slot in self.slots]
        return {"lost": slots, "turned_away": self.others, "backfill": self.command}


def lost_to(
    name: str,
    state: KeeperState,
    entries: Sequence[LedgerEntry],
    since: datetime,
    until: datetime,
) -> Lost:
    """Return what the freeze from `since` to `until` took.

    Args:
        name: The agent.
        state: Its keeper's.
        entries: The whole ledger, oldest first.
        since: When the freeze began.
        until: When it ended, or now.
    """
    slots = lost_slots(entries, since, until)
    if state.spec is not None:
        try:
            planned = plan_slots(state, state.spec, entries, slots, Choice(only_missing=True))
            slots = [each.slot for each in planned if each.run]
        except BackfillError:
            # It cannot run for a slot alone: they are told, and are to be had one by one.
            pass
    others = sum(
        entry.frozen
        and entry.trigger is not Trigger.SCHEDULE
        and since <= entry.admitted_at < until
        for entry in entries
    )
    return Lost(name, tuple(slots), others)
