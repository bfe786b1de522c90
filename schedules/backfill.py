"""What a backfill would do: each slot of the schedule in a window, to be run or left out.

Pure. The ledger decides, all of it: the entries in the keeper and those on its pages. The
keeper looks again when a run asks for admission, so a slot that succeeds in between is not
run twice.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import islice
from typing import Any

from rota.failures import FailureCategory
from rota.ids import format_slot
from rota.keepers.ledger import is_paged
from rota.keepers.run_orders import MOST_SLOTS
from rota.keepers.state import KeeperState, LedgerEntry
from rota.language.key_text import run_keys
from rota.language.templates import TemplateError
from rota.pinned_spec import PinnedSpec
from rota.runs import RunStatus
from rota.schedule.slot_times import times_between
from schedules.backfill_window import Window


class BackfillError(ValueError):
    """A backfill that cannot be asked for; the message says what to do."""


class Finding(StrEnum):
    """What the ledger has on a slot; for programs."""

    SUCCEEDED = "succeeded"
    OPEN = "open"
    """A run of it is at work, waits, or is ordered."""
    FAILED = "failed"
    """It was run and did not succeed."""
    MISSED = "missed"
    """It was skipped or passed over."""
    UNKNOWN = "unknown"
    """The ledger has nothing on it."""


@dataclass(frozen=True)
class PlannedSlot:
    """One slot."""

    slot: datetime
    finding: Finding
    reason: str
    """What is known of it, for people."""
    run: bool
    """True: the backfill runs it."""

    @property
    def document(self) -> dict[str, Any]:
        """The slot as `--json` prints it."""
        verdict = "run" if self.run else "skip"
        at = format_slot(self.slot)
        return {"slot": at, "verdict": verdict, "found": self.finding, "reason": self.reason}


@dataclass(frozen=True)
class Choice:
    """Which slots a person wants run, beside those that nothing is known of."""

    only_missing: bool = False
    """Not those whose run failed."""
    force: bool = False
    """Also those that have succeeded."""


def slots_in(spec: PinnedSpec, window: Window, now: datetime) -> list[datetime]:
    """Return the slots of the declared schedule in `window` that have come, oldest first.

    Raises:
        BackfillError: there is no schedule, all of the window is yet to come, or it has too
            many slots.
    """
    if spec.schedule is None:
        raise BackfillError(
            f"{spec.name} has no schedule, so no slots that could be filled: start single runs "
            f"with 'rota run {spec.name}'"
        )
    if window.start > now:
        raise BackfillError(
            f"{format_slot(window.start)} is yet to come: a backfill runs past slots, the "
            "schedule will run the others"
        )
    slots = times_between(spec.schedule, window.start, min(window.end, now))
    found = list(islice(slots, MOST_SLOTS + 1))
    if len(found) > MOST_SLOTS:
        raise BackfillError(
            f"more than {MOST_SLOTS} slots from {format_slot(window.start)} to "
            f"{format_slot(window.end)}: ask for a shorter time, one after the other"
        )
    return found


def needs_pages(state: KeeperState, slots: Iterable[datetime]) -> bool:
    """True if what became of a slot may lie on a page of the ledger."""
    return any(is_paged(state, slot) for slot in slots)


def plan_slots(
    state: KeeperState,
    spec: PinnedSpec,
    entries: Iterable[LedgerEntry],
    slots: Sequence[datetime],
    choice: Choice,
) -> list[PlannedSlot]:
    """Decide on each slot, in their order.

    Args:
        state: The keeper's.
        spec: The declaration in force.
        entries: The whole ledger, oldest first.
        slots: As `slots_in` has them.
        choice: What to run.

    Raises:
        BackfillError: a run without input of its own is refused by this agent.
    """
    try:
        session = run_keys(spec, spec.input).session
    except TemplateError as error:
        raise BackfillError(f"{spec.name} cannot run for a slot alone: {error}") from error
    known: dict[datetime, list[LedgerEntry]] = {slot: [] for slot in slots}
    for entry in entries:
        # Another session's run is no run of this slot, as the keeper sees it.
        mine = entry.run is None or entry.session == session or not entry.session
        if entry.own_slot is not None and entry.own_slot in known and mine:
            known[entry.own_slot].append(entry)
    ordered = {order.slot: order.run_id for order in state.orders}
    return [_planned(slot, known[slot], ordered.get(slot), choice) for slot in slots]


def _planned(
    slot: datetime, entries: list[LedgerEntry], ordered: str | None, choice: Choice
) -> PlannedSlot:
    finding, reason = _found(entries, ordered)
    run = {
        Finding.SUCCEEDED: choice.force,
        Finding.OPEN: False,
        # What may have been done is no gap: its keeper turns it away, too, unless forced.
        Finding.FAILED: choice.force or not (choice.only_missing or _may_be_done(entries)),
        Finding.MISSED: True,
        Finding.UNKNOWN: True,
    }[finding]
    return PlannedSlot(slot, finding, reason, run)


def _may_be_done(entries: list[LedgerEntry]) -> bool:
    worked = [entry for entry in entries if entry.status is not RunStatus.SKIPPED]
    return bool(worked) and worked[-1].category is FailureCategory.OUTCOME_UNKNOWN


def _found(entries: list[LedgerEntry], ordered: str | None) -> tuple[Finding, str]:
    """The first of these that holds: open, succeeded, failed, missed."""
    for entry in reversed(entries):
        if not entry.status.closed and entry.run is not None:
            return Finding.OPEN, f"{entry.run.id} is {entry.status}"
    if ordered is not None:
        return Finding.OPEN, f"{ordered} is ordered"
    for entry in reversed(entries):
        shared = entry.status is RunStatus.SKIPPED and entry.output is not None
        if entry.status is RunStatus.SUCCEEDED or shared:
            return Finding.SUCCEEDED, f"succeeded as {_run_id(entry)}"
    for entry in reversed(entries):
        if entry.status is not RunStatus.SKIPPED:
            because = f": {entry.reason}" if entry.reason else ""
            return Finding.FAILED, f"{_run_id(entry)} {entry.status}{because}"
    for entry in reversed(entries):
        return Finding.MISSED, entry.reason or "skipped"
    return Finding.UNKNOWN, "no run is known"


def _run_id(entry: LedgerEntry) -> str:
    found = entry.same_as or entry.run
    return found.id if found else "a run"
