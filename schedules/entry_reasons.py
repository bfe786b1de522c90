"""What a ledger entry says, in sentences: what started a run, what became of it, and why.

Pure.
"""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from rota.ids import format_slot
from rota.keepers.state import LedgerEntry
from rota.language.durations import format_duration
from rota.runs import RunStatus, Trigger
from rota.usage import format_cost


class ReasonKind(StrEnum):
    """What a link of the chain is about; for programs."""

    SLOT = "slot"
    """Whether the schedule has that slot."""
    SCHEDULE = "schedule"
    """How the schedule stands on the server."""
    STARTED = "started"
    WAITED = "waited"
    """What a run waited for."""
    SHARED = "shared"
    """Another run has the same key."""
    ENDED = "ended"
    """How a run ended or, if it has not, what it is doing."""
    SKIPPED = "skipped"
    FROZEN = "frozen"
    """A freeze turned it away, or holds it."""
    COALESCED = "coalesced"
    COVERS = "covers"
    OUTPUT = "output"
    ORDERED = "ordered"
    """A run of the slot is owed."""
    GAP = "gap"
    """Why the ledger holds nothing."""


@dataclass(frozen=True)
class Reason:
    """One link of the chain."""

    kind: ReasonKind
    text: str
    slot: datetime | None = None
    """The slot it is about, where that is not the one in question."""
    run_id: str = ""
    at: datetime | None = None

    @property
    def document(self) -> dict[str, Any]:
        """The reason as JSON has it."""
        times = {"slot": self.slot, "at": self.at}
        texts = {name: format_slot(at) if at else None for name, at in times.items()}
        return {**asdict(self), "kind": self.kind.value, **texts}


_STARTED = {
    Trigger.SCHEDULE: "the schedule started {run}",
    Trigger.MANUAL: "{run} was started by hand",
    Trigger.EVENT: "an event started {run}",
    Trigger.HOOK: "a webhook started {run}",
    Trigger.UPSTREAM: "a pipeline started {run}",
    Trigger.HANDOFF: "another agent called for {run}",
    Trigger.BACKFILL: "a backfill started {run}",
    Trigger.RERUN: "{run} was ordered to run the slot again",
}

_ENDED = {
    RunStatus.SUCCEEDED: "succeeded",
    RunStatus.FAILED: "failed",
    RunStatus.BLOCKED: "was blocked",
    RunStatus.SKIPPED: "was skipped",
    RunStatus.CANCELLED: "was cancelled",
    RunStatus.TIMED_OUT: "ran out of time",
}

_OPEN = {
    RunStatus.QUEUED: "waits for its turn",
    RunStatus.WAITING: "waits",
    RunStatus.RUNNING: "is at work",
    RunStatus.AWAITING_APPROVAL: "waits for an approval",
    RunStatus.PARKED: "is parked",
}


def entry_reasons(entry: LedgerEntry, slot: datetime | None = None) -> list[Reason]:
    """The links that one entry adds, in the order of events; `slot` as in `Reason`."""
    if entry.run is None:
        text = f"no run was started: {entry.reason}"
        return [Reason(ReasonKind.SKIPPED, text, slot=slot, at=entry.admitted_at)]
    run_id = entry.run.id
    started = _STARTED[entry.trigger].format(run=run_id)
    cause = f" ({entry.cause})" if entry.cause else ""
    text = f"{started}{cause}; its keeper heard of it at {format_slot(entry.admitted_at)}"
    reasons = [Reason(ReasonKind.STARTED, text, slot, run_id, entry.admitted_at)]
    if entry.same_as is not None:
        text = f"it has the key '{entry.dedupe_key}', and so has {entry.same_as.id}"
        reasons.append(Reason(ReasonKind.SHARED, text, slot, run_id))
    skipped = entry.status is RunStatus.SKIPPED
    kind = ReasonKind.SKIPPED if skipped else ReasonKind.ENDED
    reasons.append(Reason(kind, _end(entry, run_id), slot, run_id, entry.settled_at))
    if entry.covers is not None and not skipped:
        reasons.append(Reason(ReasonKind.COVERS, _covers(entry), slot, run_id))
    if entry.output is not None:
        text = f"its result has the digest {entry.output}: 'rota show {run_id}' prints it"
        reasons.append(Reason(ReasonKind.OUTPUT, text, slot, run_id))
    return reasons


def _end(entry: LedgerEntry, run_id: str) -> str:
    if not entry.status.closed:
        return f"{run_id} {_OPEN[entry.status]}" + (f": {entry.reason}" if entry.reason else "")
    text = f"{run_id} {_ENDED[entry.status]}"
    if entry.status is not RunStatus.SKIPPED:
        if entry.settled_at is not None:
            took = _rounded(entry.settled_at - entry.admitted_at)
            text += f" at {format_slot(entry.settled_at)}, after {took}"
        text += _spent(entry)
    if entry.category is not None:
        text += f" [{entry.category.value}]"
    return text + (f": {entry.reason}" if entry.reason else "")


def _rounded(took: timedelta) -> str:
    seconds = took.total_seconds()
    return format_duration(timedelta(seconds=round(seconds, 0 if seconds >= 10 else 2)))


def _spent(entry: LedgerEntry) -> str:
    """What it consumed; empty for a pipeline, which consumes nothing itself."""
    if not entry.turns and not entry.usage.tokens:
        return ""
    counts = (f"turns {entry.turns}", f"tool calls {entry.tool_calls}")
    cost = format_cost(entry.usage.cost_micros)
    return f" ({', '.join(counts)}, tokens {entry.usage.tokens:,}, {cost})"


def _covers(entry: LedgerEntry) -> str:
    covers = entry.covers
    assert covers is not None
    if covers.start is None:
        return f"it answers for all until {format_slot(covers.end)}: no earlier slot had succeeded"
    return f"it answers for the time from {format_slot(covers.start)} to {format_slot(covers.end)}"
