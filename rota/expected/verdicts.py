"""The verdict of a slot: what became of it, and why. One function for all who ask.

Pure. First the ledger is heard: it knows of every slot for which a run was admitted, or was
passed over. What it does not know of, `rota.expected.gaps` explains.
"""

from collections.abc import Sequence
from datetime import datetime

from rota.expected.evidence import Evidence
from rota.expected.gaps import Gaps
from rota.expected.outages import outages_of
from rota.expected.slot_state import SlotState, Verdict
from rota.ids import format_slot
from rota.keepers.state import LedgerEntry
from rota.runs import RunStatus


class Judge:
    """Judges slots of one agent by the same evidence.

    Args:
        evidence: What is known.
        now: When it was gathered.
    """

    def __init__(self, evidence: Evidence, now: datetime) -> None:
        self._evidence = evidence
        self._gaps = Gaps(evidence, outages_of(evidence), now)

    def verdict(self, slot: datetime) -> Verdict:
        """Return what became of `slot`.

        Raises:
            ValueError: a schedule's zone is not known here.
        """
        slot = slot.replace(microsecond=0)
        entries = self._evidence.of_slot(slot)
        verdict = of_entries(slot, entries) if entries else self._gaps.judge(slot)
        declared = self._evidence.chronicle.declared_at(slot)
        return verdict.model_copy(update={"version": declared.version if declared else ""})


def verdict_of(evidence: Evidence, slot: datetime, now: datetime) -> Verdict:
    """Return what became of one slot; for many, keep a `Judge`."""
    return Judge(evidence, now).verdict(slot)


def of_entries(slot: datetime, entries: Sequence[LedgerEntry]) -> Verdict:
    """Return what the ledger has of a slot; `entries` are not empty, oldest first."""
    decided = deciding(entries)
    run = decided.run.id if decided.run else ""
    at = decided.settled_at or decided.admitted_at
    state, into = _state_of(entries, decided), None
    if state is SlotState.COALESCED:
        into = next(each.coalesced_into for each in reversed(entries) if each.coalesced_into)
        run = ""
    return Verdict(
        slot=slot,
        state=state,
        reason=_reason(decided, into),
        run=run,
        status=decided.status if decided.run else None,
        at=at,
        into=into,
    )


def deciding(entries: Sequence[LedgerEntry]) -> LedgerEntry:
    """The entry that tells the outcome: a success, else an open run, else the newest end."""
    succeeded = [entry for entry in entries if _has_succeeded(entry)]
    at_work = [entry for entry in entries if not entry.status.closed]
    ended = [entry for entry in entries if entry.status is not RunStatus.SKIPPED]
    return next(group for group in (succeeded, at_work, ended, entries) if group)[-1]


def _has_succeeded(entry: LedgerEntry) -> bool:
    """Also of a run that had nothing to do, since another with its key has done it."""
    shared = entry.same_as is not None and entry.output is not None
    return entry.status is RunStatus.SUCCEEDED or (shared and entry.status is RunStatus.SKIPPED)


def _state_of(entries: Sequence[LedgerEntry], decided: LedgerEntry) -> SlotState:
    if _has_succeeded(decided):
        return SlotState.SUCCEEDED
    if not decided.status.closed:
        return SlotState.RUNNING
    if decided.status is not RunStatus.SKIPPED:
        return SlotState.FAILED
    if any(entry.coalesced_into is not None for entry in entries):
        return SlotState.COALESCED
    return SlotState.FROZEN if any(entry.frozen for entry in entries) else SlotState.SKIPPED


def _reason(decided: LedgerEntry, into: datetime | None) -> str:
    if into is not None:
        return f"missed: {format_slot(into)} was to run in its place"
    if decided.status is RunStatus.SUCCEEDED:
        return ""
    said = decided.reason
    if decided.status in (RunStatus.SKIPPED, RunStatus.FAILED):
        return said
    name = decided.status.value.replace("_", " ")
    return f"{name}: {said}" if said else name
