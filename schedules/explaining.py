"""`rota explain`: why a slot ran, or did not, as a chain of reasons.

Pure: from `SlotFacts` to an `Explanation`. The chain goes from the schedule over every run
of the slot to its end; a slot that was passed over leads on to the newer one that ran in
its place.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rota.expected.slot_state import Verdict
from rota.ids import format_slot
from rota.keepers.state import LedgerEntry
from rota.language.durations import format_duration
from rota.runs import RunStatus
from rota.schedule.spec import ScheduleSpec
from schedules.entry_reasons import Reason, ReasonKind, entry_reasons
from schedules.frozen_reasons import frozen_reasons
from schedules.gap_reasons import gap_reasons
from schedules.slot_facts import SlotFacts

_LISTED = 5


@dataclass(frozen=True)
class Explanation:
    """What became of one slot."""

    name: str
    slot: datetime
    outcome: str
    """A run's status, or `none` if nothing is known to have run for the slot."""
    verdict: Verdict
    """What became of the slot, in one word, as `rota missed` has it."""
    run_id: str
    """The run that settled it, or works for it; empty if none does."""
    chain: tuple[Reason, ...]
    entries: tuple[LedgerEntry, ...]
    """The ledger's own words on the slot."""

    @property
    def document(self) -> dict[str, Any]:
        """The explanation as `--json` prints it."""
        return {
            "agent": self.name,
            "slot": format_slot(self.slot),
            "outcome": self.outcome,
            "verdict": self.verdict.model_dump(mode="json"),
            "run_id": self.run_id,
            "chain": [reason.document for reason in self.chain],
            "entries": [entry.model_dump(mode="json") for entry in self.entries],
        }


def explain_slot(facts: SlotFacts) -> Explanation:
    """Explain what became of the slot in question."""
    before, after = facts.neighbours()
    entries = facts.of_slot(facts.slot)
    chain = [_of_schedule(facts, before, after), *_folded(facts)]
    deciding = list(entries)
    if entries:
        for entry in entries:
            chain += entry_reasons(entry)
        chain += [*_sharing(facts, entries), *_ordered(facts), *_unread(facts)]
        chain += frozen_reasons(facts, entries)
        followed, more = _followed(facts, entries)
        chain += more
        deciding += followed
    else:
        chain += _ordered(facts) or gap_reasons(facts)
        chain += frozen_reasons(facts, entries)
    decided = _deciding(deciding)
    return Explanation(
        name=facts.name,
        slot=facts.slot,
        outcome=decided.status.value if decided else "none",
        verdict=facts.verdict,
        run_id=decided.run.id if decided and decided.run else "",
        chain=tuple(chain),
        entries=tuple(entries),
    )


def _of_schedule(facts: SlotFacts, before: datetime | None, after: datetime | None) -> Reason:
    schedule = facts.schedule
    if facts.spec is None or schedule is None:
        had = "had" if facts.in_force is not None and facts.spec is not None else "has"
        text = f"{facts.name} {had} no schedule: it runs when a person, an event or a run asks"
        return Reason(ReasonKind.SLOT, text)
    when = f"the schedule, as declared {_version(facts)} ({_words(schedule)})"
    if before == facts.slot:
        return Reason(ReasonKind.SLOT, f"it is a slot of {when}")
    nearest = " and ".join(format_slot(at) for at in (before, after) if at is not None)
    hint = f"the nearest: {nearest}" if nearest else "which has none near it"
    return Reason(ReasonKind.SLOT, f"it is no slot of {when}; {hint}")


def _version(facts: SlotFacts) -> str:
    """Which declaration it is: `now`, or `at 2026-11-20T09:00:00Z by ann, version 4f2a…`.

    Of old ones with the same schedule only the time of the first is known.
    """
    declared = facts.in_force
    if declared is None:
        return "now"
    by = f" by {declared.by}" if declared.by else ""
    version = f", version {declared.version[:12]}" if declared.version else ", or later"
    return f"at {format_slot(declared.since)}{by}{version}"


def _words(schedule: ScheduleSpec) -> str:
    calendars = [
        " ".join(f"{key}={value}" for key, value in block.model_dump(exclude_defaults=True).items())
        for block in schedule.calendar
    ]
    every = [f"every {format_duration(interval)}" for interval in schedule.every]
    return ", ".join((*schedule.cron, *calendars, *every, schedule.timezone))


def _folded(facts: SlotFacts) -> list[Reason]:
    """Older slots that were passed over in favour of this one."""
    slots = {
        format_slot(entry.slot): None
        for entry in facts.entries
        if entry.coalesced_into == facts.slot and entry.slot is not None
    }
    if not slots:
        return []
    listed = ", ".join(list(slots)[:_LISTED]) + (", …" if len(slots) > _LISTED else "")
    text = f"{len(slots)} missed before it were coalesced into it: {listed}"
    return [Reason(ReasonKind.COALESCED, text)]


def _sharing(facts: SlotFacts, entries: list[LedgerEntry]) -> list[Reason]:
    """Runs of whatever slot that have the same key, and so the same end."""
    keys = {entry.run.key for entry in entries if entry.run is not None}
    sharers = {
        entry.run.id: None
        for entry in facts.entries
        if entry.run is not None and entry.same_as is not None and entry.same_as.key in keys
    }
    if not sharers:
        return []
    listed = ", ".join(list(sharers)[:_LISTED]) + (", …" if len(sharers) > _LISTED else "")
    return [Reason(ReasonKind.SHARED, f"runs with the same key that share its end: {listed}")]


def _unread(facts: SlotFacts) -> list[Reason]:
    if not facts.evidence.unread:
        return []
    text = f"there may be more on it: older entries cannot be read: {facts.evidence.unread}"
    return [Reason(ReasonKind.GAP, text)]


def _ordered(facts: SlotFacts) -> list[Reason]:
    entered = {entry.run.id for entry in facts.entries if entry.run is not None}
    reasons: list[Reason] = []
    for order in facts.state.orders:
        if order.slot != facts.slot or order.run_id in entered:
            continue
        source = f"backfill {order.batch}" if order.batch else "a run that needs it"
        stand = "started, and not admitted yet" if order.run else "not started yet"
        text = f"{order.run_id} was ordered by {source}; {stand}"
        reasons.append(Reason(ReasonKind.ORDERED, text, run_id=order.run_id))
    return reasons


def _followed(
    facts: SlotFacts, entries: list[LedgerEntry]
) -> tuple[list[LedgerEntry], list[Reason]]:
    """The newer slots that ran in its place, one after the other."""
    seen, followed, reasons = {facts.slot}, list[LedgerEntry](), list[Reason]()
    target = _target(entries)
    while target is not None and target not in seen:
        seen.add(target)
        entries = facts.of_slot(target)
        known = (
            "in its place" if entries else "in its place, of which the ledger at hand says nothing"
        )
        text = f"{format_slot(target)} was to run {known}"
        reasons.append(Reason(ReasonKind.COALESCED, text, slot=target))
        for entry in entries:
            reasons += entry_reasons(entry, target)
        followed += entries
        target = _target(entries)
    return followed, reasons


def _target(entries: list[LedgerEntry]) -> datetime | None:
    """Where the slot went; None if one of its own runs was more than skipped."""
    if any(entry.status is not RunStatus.SKIPPED for entry in entries):
        return None
    targets = [entry.coalesced_into for entry in entries if entry.coalesced_into is not None]
    return targets[-1] if targets else None


def _deciding(entries: list[LedgerEntry]) -> LedgerEntry | None:
    """The entry that tells the outcome: a success, else an open run, else the newest end."""
    succeeded = [entry for entry in entries if entry.status is RunStatus.SUCCEEDED]
    at_work = [entry for entry in entries if not entry.status.closed]
    ended = [entry for entry in entries if entry.status is not RunStatus.SKIPPED]
    for group in (succeeded, at_work, ended, entries):
        if group:
            return group[-1]
    return None
