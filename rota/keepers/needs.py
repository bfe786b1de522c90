"""What a keeper answers to runs of other agents that need one of its slots.

Pure. The answer is always read off the ledger anew, so whatever closes a run (its report,
a reclaim, a person) settles the need; the keeper remembers only who waits.
"""

from datetime import datetime, timedelta

from rota.coordination.upstream import NeedAnswer, NeedRequest, UpstreamRun, UpstreamState, Watcher
from rota.failures import FailureCategory
from rota.ids import format_slot
from rota.keepers import orders
from rota.keepers.admission import RunRef
from rota.keepers.ledger import is_paged
from rota.keepers.rules import UnknownAgentError
from rota.keepers.state import KeeperState, LedgerEntry
from rota.pinned_spec import PinnedSpec
from rota.runs import RunStatus, Trigger
from rota.schedule.slot_times import previous_time

_FINAL = (UpstreamState.SETTLED, UpstreamState.FAILED)


def ask(state: KeeperState, request: NeedRequest, now: datetime) -> tuple[KeeperState, NeedAnswer]:
    """Answer a run, order the re-run it asks for, and remember it if it has to wait.

    A re-run is ordered only if the run that the asker saw fail is still the newest: who
    comes later shares the re-run that is under way, or learns how that one ended.

    Raises:
        UnknownAgentError: nothing was ever declared here.
    """
    answer = look(state, request)
    failed = answer.found if answer.state is UpstreamState.FAILED else None
    if failed is not None and failed.run.key == request.rerun_of and answer.slot is not None:
        state = orders.request_rerun(state, answer.slot)
        answer = look(state, request)
    watchers = tuple(w for w in state.watchers if w.request.waiter.key != request.waiter.key)
    if answer.state not in _FINAL and not request.last_call:
        watchers = (*watchers, Watcher(request=request, since=now))
    return state.model_copy(update={"watchers": watchers}), answer


def due_answers(state: KeeperState) -> tuple[KeeperState, tuple[NeedAnswer, ...]]:
    """Take out the watchers whose answer has become final; one answer for each of them."""
    if not state.watchers:
        return state, ()
    asked: dict[tuple[datetime, float], NeedAnswer] = {}
    due: list[NeedAnswer] = []
    waiting: list[Watcher] = []
    for watcher in state.watchers:
        request = watcher.request
        # Many wait for the same slot: it is looked up once.
        question = (request.slot, request.within_seconds)
        if question not in asked:
            asked[question] = look(state, request)
        answer = asked[question]
        if answer.state in _FINAL:
            due.append(answer.model_copy(update={"waiter": request.waiter}))
        else:
            waiting.append(watcher)
    return state.model_copy(update={"watchers": tuple(waiting)}), tuple(due)


def forget(state: KeeperState, waiter: RunRef) -> KeeperState:
    """Remember a waiter no longer: it is gone."""
    watchers = tuple(w for w in state.watchers if w.request.waiter.key != waiter.key)
    return state.model_copy(update={"watchers": watchers})


def awaited_runs(state: KeeperState) -> tuple[RunRef, ...]:
    """Open runs that watchers wait for."""
    if not state.watchers:
        return ()
    entries = (entry for slot in sorted(_watched_slots(state)) for entry in _attempts(state, slot))
    return tuple(e.run for e in entries if e.run is not None and not e.status.closed)


def kept_entries(state: KeeperState) -> frozenset[str]:
    """Keys of ledger entries that orders and watchers still refer to: not to be paged."""
    if not state.orders and not state.watchers:
        return frozenset()
    slots = {*_watched_slots(state), *(order.slot for order in state.orders)}
    return frozenset(entry.key for slot in slots for entry in _entries_of(state, slot))


def look(state: KeeperState, request: NeedRequest) -> NeedAnswer:
    """What has become of the slot that `request` needs.

    Raises:
        UnknownAgentError: nothing was ever declared here.
    """
    spec = _declared(state)
    slot = _upstream_slot(state, spec, request)
    fields: dict[str, object] = {"slot": slot}
    if slot is None:
        within = timedelta(seconds=request.within_seconds)
        start, end = format_slot(request.slot - within), format_slot(request.slot)
        had = "has no slot" if spec.schedule else "has not run"
        fields |= {"state": UpstreamState.MISSING, "reason": f"it {had} from {start} to {end}"}
    else:
        slot = _chain(state, slot)[-1]
        fields |= {"slot": slot, **_become(state, slot)}
    if state.spec is None and fields["state"] in (UpstreamState.MISSING, UpstreamState.FAILED):
        # Nobody starts anything here any more: this is its end, and no re-run can mend it.
        reason = f"{fields['reason']}; it is not declared any more"
        fields |= {"state": UpstreamState.FAILED, "found": None, "reason": reason}
    return NeedAnswer.model_validate(
        {"waiter": request.waiter, "upstream": spec.name, "last": state.last_success, **fields}
    )


def _become(state: KeeperState, slot: datetime) -> dict[str, object]:
    """State, run and reason of one slot, the first of these that holds."""
    attempts = _attempts(state, slot)
    for entry in reversed(attempts):
        if _succeeded(entry):
            return {"state": UpstreamState.SETTLED, "found": _run_of(entry)}
    last = state.last_success
    if last is not None and last.slot == slot:
        return {"state": UpstreamState.SETTLED, "found": last}
    at = format_slot(slot)
    for entry in reversed(attempts):
        if entry.run is not None and not entry.status.closed:
            reason = f"{entry.run.id} is {entry.status}"
            return {"state": UpstreamState.PENDING, "found": _run_of(entry), "reason": reason}
    order = orders.order_of(state, slot)
    if order is not None:
        found = UpstreamRun(run=order.run, slot=slot) if order.run else None
        reason = f"{order.run_id} was ordered"
        return {"state": UpstreamState.PENDING, "found": found, "reason": reason}
    failed = _decisive(attempts)
    if failed is not None and failed.run is not None:
        why = f": {failed.reason}" if failed.reason else ""
        reason = f"{failed.run.id} is {failed.status}{why}"
        if never := _never_repeated(state, failed):
            return {"state": UpstreamState.FAILED, "reason": f"{reason}; {never}"}
        return {"state": UpstreamState.FAILED, "found": _run_of(failed), "reason": reason}
    if is_paged(state, slot):
        # Final all the same: nobody will add to it, so there is nothing to wait for.
        reason = f"what became of {at} lies on a page of the ledger, further back than it looks"
        return {"state": UpstreamState.FAILED, "reason": reason}
    return {"state": UpstreamState.MISSING, "reason": f"no run is known for {at} yet"}


def _declared(state: KeeperState) -> PinnedSpec:
    """The declaration in force, or the one taken back: what was done under it still counts."""
    spec = state.spec or state.retired
    if spec is None:
        raise UnknownAgentError("no declaration is in force")
    return spec


def _upstream_slot(state: KeeperState, spec: PinnedSpec, request: NeedRequest) -> datetime | None:
    since = request.slot - timedelta(seconds=request.within_seconds)
    if spec.schedule is not None:
        return previous_time(spec.schedule, request.slot, since)
    within = [
        entry
        for entry in state.ledger.values()
        if entry.run is not None and since <= _time_of(entry) <= request.slot
    ]
    # A run that was turned away says nothing, unless there is no other.
    worked = [entry for entry in within if _worked(entry)]
    return max(map(_time_of, worked or within), default=None)


def _chain(state: KeeperState, slot: datetime) -> list[datetime]:
    """A slot, and if it was missed the newer one that runs in its place, and so on."""
    chain = [slot]
    while True:
        entries = _entries_of(state, chain[-1])
        newer = max((e.coalesced_into for e in entries if e.coalesced_into), default=None)
        if newer is None or newer <= chain[-1] or any(map(_worked, entries)):
            return chain
        chain.append(newer)


def _attempts(state: KeeperState, slot: datetime) -> list[LedgerEntry]:
    """Runs for the slot, oldest first; without those passed over for a newer slot."""
    return [entry for entry in _entries_of(state, slot) if entry.coalesced_into is None]


def _entries_of(state: KeeperState, slot: datetime) -> list[LedgerEntry]:
    entries = state.ledger.values()
    if _declared(state).schedule is None:
        return [entry for entry in entries if _time_of(entry) == slot]
    return [entry for entry in entries if entry.own_slot == slot]


def _time_of(entry: LedgerEntry) -> datetime:
    """The slot of a run, or of one without a slot the second it was admitted."""
    return (entry.slot or entry.admitted_at).replace(microsecond=0)


def _worked(entry: LedgerEntry) -> bool:
    return entry.status is not RunStatus.SKIPPED or entry.output is not None


def _succeeded(entry: LedgerEntry) -> bool:
    """True of a success, and of a run that got the result of another with its key."""
    shared = entry.status is RunStatus.SKIPPED and entry.output is not None
    return entry.status is RunStatus.SUCCEEDED or shared


def _decisive(attempts: list[LedgerEntry]) -> LedgerEntry | None:
    """The newest run that was an answer to the one before; else the newest turned away.

    A re-run is one even if it was turned away: who asked for it must learn that it is over.
    """
    answers = [e for e in attempts if _worked(e) or e.trigger is Trigger.RERUN]
    return (answers or attempts or [None])[-1]


def _never_repeated(state: KeeperState, entry: LedgerEntry) -> str:
    """Return why the keeper must not, or cannot, have the work of `entry` done again.

    A slot of a schedule is worked for as declared, whoever started the failed run. Without
    a schedule the run itself is meant, and what it was given is not kept.
    """
    if entry.category is FailureCategory.OUTCOME_UNKNOWN:
        run_id = entry.run.id if entry.run else ""
        return (
            "its effect is unknown, so it is not repeated: look, then run it again with "
            f"`rota rerun {run_id}`"
        )
    if _declared(state).schedule is None and (entry.own_input or entry.cause):
        return "only who started it knows its input: start it there again"
    return ""


def _run_of(entry: LedgerEntry) -> UpstreamRun | None:
    if entry.run is None:
        return None
    return UpstreamRun(run=entry.run, slot=entry.slot, output=entry.output, tainted=entry.tainted)


def _watched_slots(state: KeeperState) -> set[datetime]:
    questions = {(w.request.slot, w.request.within_seconds): w.request for w in state.watchers}
    found = (_upstream_slot(state, _declared(state), request) for request in questions.values())
    return {slot for first in found if first is not None for slot in _chain(state, first)}
