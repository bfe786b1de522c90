"""The keeper's ledger: what became of every run and of every slot that got none.

Pure. One entry per run, for good: an entry that is closed never changes again, which is
what lets old ones move to a page in the object store while runs come and go.
"""

from datetime import datetime

from rota.ids import format_slot
from rota.keepers.admission import AdmissionRequest, RunRef
from rota.keepers.state import KeeperState, LedgerEntry
from rota.metrics import totals
from rota.runs import Covers, RunStatus, Trigger


def enter(state: KeeperState, entry: LedgerEntry) -> KeeperState:
    """Write `entry`, in its old place if the run has one.

    A scheduled run takes the place of the note that its slot was passed over: with a
    queueing overlap policy the server starts such slots all the same.

    An entry that is closed by this is counted: once, for a closed one never changes again.
    """
    ledger = dict(state.ledger)
    known = ledger.get(entry.key)
    if entry.status.closed and not (known is not None and known.status.closed):
        state = state.model_copy(update={"totals": _counted(state, entry)})
    if entry.run is not None and entry.trigger is Trigger.SCHEDULE:
        ledger.pop(entry.slot_key, None)
    ledger[entry.key] = entry
    return state.model_copy(update={"ledger": ledger})


def pass_over(
    state: KeeperState, request: AdmissionRequest, chosen: datetime, now: datetime
) -> KeeperState:
    """Note every slot between the skipped run and the chosen one: never a silent gap."""
    known = {entry.own_slot for entry in state.ledger.values()}
    for slot in request.passed_slots:
        if slot >= chosen or slot in known:
            continue
        entry = LedgerEntry(
            trigger=Trigger.SCHEDULE,
            slot=slot,
            status=RunStatus.SKIPPED,
            reason=f"missed; coalesced into {format_slot(chosen)}",
            coalesced_into=chosen,
            admitted_at=now,
            settled_at=now,
        )
        state = enter(state, entry)
    return state


def covers_of(state: KeeperState, session_key: str, slot: datetime | None) -> Covers | None:
    """From the newest slot before `slot` that succeeded in this session, up to `slot`.

    A slot older than the newest success (a re-run, a backfill) is looked up among the
    entries still in the keeper. None for a slot whose neighbours lie on a page: what it
    covers is not known any more.
    """
    if slot is None or is_paged(state, slot):
        return None
    newest = state.session(session_key).last_slot
    if newest is None or newest < slot:
        return Covers(start=newest, end=slot)
    earlier = (
        entry.own_slot
        for entry in state.ledger.values()
        if entry.session == session_key
        and entry.status is RunStatus.SUCCEEDED
        and entry.own_slot is not None
        and entry.own_slot < slot
    )
    return Covers(start=max(earlier, default=None), end=slot)


def is_paged(state: KeeperState, slot: datetime) -> bool:
    """True if what became of `slot` may lie on a page, where the keeper does not look."""
    pages = state.paged_slots
    return pages is not None and (pages.start or pages.end) <= slot <= pages.end


def spends(state: KeeperState) -> bool:
    """False of a pipeline: what it used its nodes have, and their own agents count it."""
    spec = state.spec or state.retired
    return spec is None or spec.kind != "Pipeline"


def open_runs(state: KeeperState, *, before: datetime) -> list[RunRef]:
    """Runs that were admitted before `before` and have not settled, oldest first."""
    return [
        entry.run
        for entry in state.ledger.values()
        if entry.run is not None and not entry.status.closed and entry.admitted_at < before
    ]


def entries_to_page(state: KeeperState, *, keep: int) -> list[str]:
    """Keys of settled entries beyond the newest `keep`, oldest first."""
    surplus = len(state.ledger) - keep
    closed = [key for key, entry in state.ledger.items() if entry.status.closed]
    return closed[: max(0, surplus)]


def paged(state: KeeperState, keys: list[str], digest: str) -> KeeperState:
    """Drop entries that now lie on the page `digest`."""
    gone = set(keys)
    slots = [entry.slot for key, entry in state.ledger.items() if key in gone and entry.slot]
    if state.paged_slots is not None:
        slots += [state.paged_slots.start or state.paged_slots.end, state.paged_slots.end]
    ledger = {key: entry for key, entry in state.ledger.items() if key not in gone}
    update: dict[str, object] = {
        "ledger": ledger,
        "pages": digest,
        "paged": state.paged + len(gone),
        "paged_slots": Covers(start=min(slots), end=max(slots)) if slots else None,
    }
    return state.model_copy(update=update)


def _counted(state: KeeperState, entry: LedgerEntry) -> totals.Totals:
    if entry.run is None:
        return totals.passed(state.totals)
    counted = totals.ended(
        state.totals,
        status=entry.status,
        trigger=entry.trigger,
        slot=entry.slot,
        began=entry.admitted_at,
        at=entry.settled_at or entry.admitted_at,
    )
    return totals.used(counted, entry.usage, entry.by_model) if spends(state) else counted
