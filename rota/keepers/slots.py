"""Whether a run may work for its slot: missed, coalesced, or already done."""

from datetime import datetime, timedelta

from rota.failures import FailureCategory
from rota.ids import format_slot
from rota.keepers.admission import AdmissionRequest
from rota.keepers.ledger import is_paged
from rota.keepers.state import KeeperState
from rota.model import Record
from rota.runs import RunStatus, Trigger

LATE = timedelta(seconds=60)
"""Later than this beyond its jitter, a slot counts as missed. A healthy server starts a
slot within seconds; a minute leaves room for a burst of schedules."""


class SlotVerdict(Record):
    """Why a run must not work for its slot."""

    reason: str
    coalesced_into: datetime | None = None
    """The newer slot that runs in its place."""


def slot_verdict(
    state: KeeperState, request: AdmissionRequest, session: str, now: datetime
) -> SlotVerdict | None:
    """Return why the run is to be skipped, or None if it may go on.

    A person who names a slot means it, and so does whoever asks for a re-run. Scheduled
    runs are held to their slot; runs of a backfill only fill gaps, unless forced.
    """
    slot, spec = request.slot, state.spec
    if slot is None or spec is None or request.trigger not in _HELD_TO_THEIR_SLOT:
        return None
    if is_forced(state, request):
        return None
    if reason := _taken(state, slot, session):
        return SlotVerdict(reason=reason)
    if is_paged(state, slot) and not _is_checked(state, request):
        return SlotVerdict(
            reason="the slot is older than the ledger at hand, and may have succeeded: to run it "
            f"all the same, use 'rota run {spec.name} --slot {format_slot(slot)}'"
        )
    if request.trigger is Trigger.BACKFILL:
        return None
    if request.backfill or was_busy(state, slot, now):
        # Asked for by a person, or it waited behind an earlier run as its own overlap
        # policy wants: late, but not missed.
        return None
    late = now - slot > LATE + timedelta(seconds=spec.jitter_seconds)
    if spec.catchup_policy == "skip" and late:
        return SlotVerdict(reason="missed: it could not start on time and catch-up is 'skip'")
    if spec.catchup_policy == "latest" and request.passed_slots:
        newest = request.passed_slots[-1]
        return SlotVerdict(
            reason=f"missed; coalesced into {format_slot(newest)}", coalesced_into=newest
        )
    return None


def _taken(state: KeeperState, slot: datetime, session: str) -> str:
    """Return which run has, or may have, done the slot's work; empty if there is none."""
    unknown = ""
    for entry in state.ledger.values():
        if entry.run is None or entry.own_slot != slot or entry.session != session:
            continue
        if entry.status in _TAKEN:
            return f"slot already {entry.status} as {entry.run.id}"
        if entry.category is FailureCategory.OUTCOME_UNKNOWN:
            unknown = (
                f"{entry.run.id} may have done it: its effect is unknown, so it is not repeated: "
                f"look, then run it again with `rota rerun {entry.run.id}`"
            )
        elif entry.status is not RunStatus.SKIPPED:
            # Run again since, as somebody who had looked wished.
            unknown = ""
    return unknown


def is_forced(state: KeeperState, request: AdmissionRequest) -> bool:
    """True if the keeper was ordered to start this run even if its work is done already."""
    return any(order.force and order.run_id == request.run.id for order in state.orders)


def _is_checked(state: KeeperState, request: AdmissionRequest) -> bool:
    """True if whoever ordered this run has read what the pages say of its slot."""
    return any(order.checked and order.run_id == request.run.id for order in state.orders)


_HELD_TO_THEIR_SLOT = (Trigger.SCHEDULE, Trigger.BACKFILL)
_TAKEN = (RunStatus.SUCCEEDED, RunStatus.RUNNING, RunStatus.QUEUED)


def was_busy(state: KeeperState, since: datetime, now: datetime) -> bool:
    """True if a run of this agent really worked at some time between `since` and `now`."""
    return any(
        entry.status is not RunStatus.SKIPPED
        and entry.admitted_at <= now
        and (entry.settled_at is None or entry.settled_at >= since)
        and entry.slot is not None
        and entry.slot < since
        for entry in state.ledger.values()
    )
