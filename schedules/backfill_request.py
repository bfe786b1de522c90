"""From a backfill's plan to the request its keeper gets, and from the keeper to its outcome.

Pure. The request's id says what was asked for: the same question asked again while the
first is being carried out is the same backfill.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rota.ids import format_slot
from rota.keepers.run_orders import Backfill, BackfillRequest
from rota.keepers.state import KeeperState, LedgerEntry
from rota.model import content_digest
from rota.runs import RunStatus, Trigger
from schedules.backfill import Choice, PlannedSlot

_DIGEST = 16
"""Hexadecimal digits that tell two requests to one keeper apart."""


@dataclass(frozen=True)
class SlotOutcome:
    """What became of one slot of a backfill."""

    slot: datetime
    run_id: str = ""
    """Empty while nothing is known of a run."""
    status: RunStatus | None = None
    """None: its run has not been admitted yet."""
    reason: str = ""

    @property
    def document(self) -> dict[str, Any]:
        """The outcome as `--json` prints it."""
        return {
            "slot": format_slot(self.slot),
            "run_id": self.run_id or None,
            "status": self.status.value if self.status else None,
            "reason": self.reason,
        }


def subject_of(name: str, slots: Sequence[datetime], choice: Choice) -> str:
    """Return what all ids of the same question begin with."""
    asked = [name, list(map(format_slot, slots)), choice.only_missing, choice.force]
    return content_digest(asked)[:_DIGEST]


def in_progress(state: KeeperState, subject: str) -> Backfill | None:
    """The backfill that already answers the question and is not done."""
    for backfill in state.backfills:
        if _subject(backfill) == subject and backfill.done < backfill.total:
            return backfill
    return None


def request_of(
    state: KeeperState,
    subject: str,
    planned: Iterable[PlannedSlot],
    choice: Choice,
    max_parallel: int,
    by: str = "",
) -> BackfillRequest:
    """Ask for the slots that are to be run; at least one must be.

    The id counts the backfills for the same question that are over: two who ask at the same
    time ask for one, who asks later for a new one.
    """
    numbers = [_number(each) for each in state.backfills if _subject(each) == subject]
    return BackfillRequest(
        id=f"{subject}-{max(numbers, default=0) + 1}",
        slots=tuple(each.slot for each in planned if each.run),
        max_parallel=max_parallel,
        force=choice.force,
        # Whoever plans reads all of the ledger.
        checked=True,
        by=by,
    )


def progress_of(state: KeeperState, id: str) -> Backfill | None:
    """How far a backfill has come; None once the keeper has forgotten it, which is done."""
    return next((backfill for backfill in state.backfills if backfill.id == id), None)


def outcomes_of(
    state: KeeperState, entries: Iterable[LedgerEntry], backfill: Backfill, slots: set[datetime]
) -> list[SlotOutcome]:
    """Return what became of each slot of a backfill, oldest first.

    Args:
        state: The keeper's.
        entries: Of the ledger, oldest first, so far as they are at hand.
        backfill: The one in question.
        slots: Among which its slots are.
    """
    found: dict[datetime, SlotOutcome] = {}
    for entry in entries:
        slot, since = entry.slot, entry.admitted_at
        if slot not in slots or slot is None or since < backfill.asked_at or entry.run is None:
            continue
        if entry.trigger is Trigger.BACKFILL:
            found[slot] = SlotOutcome(slot, entry.run.id, entry.status, entry.reason)
    for order in state.orders:
        if order.batch == backfill.id and order.slot not in found:
            found[order.slot] = SlotOutcome(order.slot, order.run_id)
    return [found[slot] for slot in sorted(found)]


def working(state: KeeperState, id: str) -> int:
    """How many runs of a backfill have been started and have not ended."""
    return sum(order.batch == id and order.run is not None for order in state.orders)


def _subject(backfill: Backfill) -> str:
    return backfill.id.rpartition("-")[0]


def _number(backfill: Backfill) -> int:
    number = backfill.id.rpartition("-")[2]
    return int(number) if number.isdecimal() else 0
