"""The keeper's decisions: who may run, who waits, what a settlement changes.

Pure functions from state to state. The workflow `Agent` only carries them out, so every
rule here is tested as a table without a server.
"""

from datetime import datetime

from rota.admission import (
    Admission,
    AdmissionRequest,
    Decision,
    MemoryChange,
    RunRef,
    Settled,
    Settlement,
)
from rota.agent_spec import PinnedSpec, SessionConcurrency
from rota.ids import format_slot
from rota.keeper_state import RECENT_EVENTS, KeeperState, LedgerEntry, SessionState
from rota.runs import Covers, RunStatus, Trigger
from rota.slots import slot_verdict
from rota.template import TemplateError, render


class UnknownAgentError(ValueError):
    """The keeper holds no declaration: nobody has applied one."""


def declare(state: KeeperState, spec: PinnedSpec) -> KeeperState:
    """Put `spec` in force for every later admission."""
    return state.model_copy(update={"spec": spec})


def admit(
    state: KeeperState, request: AdmissionRequest, now: datetime
) -> tuple[KeeperState, Admission]:
    """Decide on one run. Repeating a request gives the same answer and changes nothing.

    Raises:
        UnknownAgentError: no declaration is in force.
    """
    spec = state.spec
    if spec is None:
        raise UnknownAgentError("no declaration is in force")
    merged = {**spec.input, **request.input}
    known = state.ledger.get(request.run.key)
    try:
        session_key = str(render(spec.session_key, {"input": merged}))
    except TemplateError as error:
        reason = f"session key '{spec.session_key}': {error}"
        return _skip(state, spec, request, "", reason, now)
    if known is None or known.status is RunStatus.SKIPPED:
        verdict = slot_verdict(state, request, now)
        if verdict is not None:
            state = _record_passed_over(state, request, verdict.coalesced_into, now)
            return _skip(
                state, spec, request, session_key, verdict.reason, now, verdict.coalesced_into
            )
    session = state.sessions.get(session_key, SessionState())
    answer = Admission(
        decision=Decision.GO,
        run=request.run,
        spec=spec,
        input=merged,
        session=session_key,
        memory=session.memory,
        slot=request.slot,
        covers=Covers(start=session.last_slot, end=request.slot) if request.slot else None,
    )
    concurrency = spec.session_concurrency
    held_by_other = session.holder is not None and session.holder.key != request.run.key
    waits = any(waiter.run.key == request.run.key for waiter in session.queue)
    if concurrency is not SessionConcurrency.PARALLEL and (held_by_other or waits):
        holder = session.holder.id if session.holder else session.queue[0].run.id
        reason = f"session '{session_key}' is held by {holder}"
        if concurrency is SessionConcurrency.SKIP:
            return _skip(state, spec, request, session_key, reason, now)
        if not waits:
            session = session.model_copy(update={"queue": (*session.queue, request)})
        answer = answer.model_copy(update={"decision": Decision.WAIT, "reason": reason})
    elif concurrency is not SessionConcurrency.PARALLEL:
        session = session.model_copy(update={"holder": request.run})
    status = RunStatus.RUNNING if answer.decision is Decision.GO else RunStatus.QUEUED
    entry = _entry(request, session_key, status, now, answer.reason, answer.covers)
    if known is not None:
        entry = known.model_copy(update={"status": status, "covers": answer.covers})
    return _with(state, session_key, session, entry), answer


def settle(
    state: KeeperState, settlement: Settlement, now: datetime
) -> tuple[KeeperState, Settled]:
    """Record a run's end and free its session. Repeating it changes nothing."""
    entry = state.ledger.get(settlement.run.key)
    if entry is None:
        # The run was never admitted here (it failed before, or its entry was paged away):
        # there is nothing to free, and its own history holds its end.
        return state, Settled()
    session = state.sessions.get(entry.session, SessionState())
    if entry.status.closed:
        return state, Settled(memory=session.memory)
    if settlement.memory is not None and settlement.base_memory != session.memory:
        return state, Settled(conflict=True, memory=session.memory)
    changes: dict[str, object] = {}
    if settlement.memory is not None:
        changes["memory"] = settlement.memory
    if settlement.status is RunStatus.SUCCEEDED and entry.slot is not None:
        newest = max(filter(None, (entry.slot, session.last_slot)))
        changes["last_slot"] = newest
    session = _without(session, settlement.run).model_copy(update=changes)
    closed = entry.model_copy(
        update={
            "status": settlement.status,
            "reason": settlement.reason,
            "category": settlement.category,
            "settled_at": now,
            "turns": settlement.turns,
            "tool_calls": settlement.tool_calls,
            "usage": settlement.usage,
            "output": settlement.output,
        }
    )
    seen = {event.id for event in state.events}
    fresh = tuple(event for event in settlement.events if event.id not in seen)
    events = (*state.events, *fresh)[-RECENT_EVENTS:]
    state = _with(state, entry.session, session, closed).model_copy(update={"events": events})
    return state, Settled(memory=session.memory)


def grant_next(
    state: KeeperState, session_key: str, now: datetime
) -> tuple[KeeperState, Admission | None]:
    """Give a free session to the first in its queue; None if nobody waits or it is held."""
    session = state.sessions.get(session_key)
    if session is None or session.holder is not None or not session.queue:
        return state, None
    request, *rest = session.queue
    session = session.model_copy(update={"queue": tuple(rest)})
    sessions = {**state.sessions, session_key: session}
    return admit(state.model_copy(update={"sessions": sessions}), request, now)


def reclaim(state: KeeperState, run: RunRef, now: datetime) -> KeeperState:
    """Free whatever a run holds that is known to be gone without settling."""
    gone = Settlement(run=run, status=RunStatus.FAILED, reason="the run was gone: lease reclaimed")
    return settle(state, gone, now)[0]


def waiting_sessions(state: KeeperState) -> tuple[str, ...]:
    """Sessions in which somebody waits."""
    return tuple(key for key, session in state.sessions.items() if session.queue)


def change_memory(state: KeeperState, change: MemoryChange) -> tuple[KeeperState, Settled]:
    """Replace a session's memory head if it is still `base`."""
    session = state.sessions.get(change.session, SessionState())
    if session.memory != change.base:
        return state, Settled(conflict=True, memory=session.memory)
    session = session.model_copy(update={"memory": change.memory})
    sessions = {**state.sessions, change.session: session}
    return state.model_copy(update={"sessions": sessions}), Settled(memory=change.memory)


def _skip(
    state: KeeperState,
    spec: PinnedSpec,
    request: AdmissionRequest,
    session_key: str,
    reason: str,
    now: datetime,
    coalesced_into: datetime | None = None,
) -> tuple[KeeperState, Admission]:
    entry = _entry(request, session_key, RunStatus.SKIPPED, now, reason, None)
    entry = entry.model_copy(update={"settled_at": now})
    answer = Admission(
        decision=Decision.SKIP,
        run=request.run,
        reason=reason,
        spec=spec,
        session=session_key,
        slot=request.slot,
        coalesced_into=coalesced_into,
    )
    ledger = {**state.ledger, entry.key: entry}
    return state.model_copy(update={"ledger": ledger}), answer


def _record_passed_over(
    state: KeeperState, request: AdmissionRequest, chosen: datetime | None, now: datetime
) -> KeeperState:
    """Name every slot between the skipped run and the chosen one: never a silent gap."""
    if chosen is None:
        return state
    known = {entry.slot for entry in state.ledger.values()}
    ledger = dict(state.ledger)
    for slot in request.passed_slots:
        if slot >= chosen or slot in known:
            continue
        entry = LedgerEntry(
            trigger=Trigger.SCHEDULE,
            slot=slot,
            status=RunStatus.SKIPPED,
            reason=f"missed; coalesced into {format_slot(chosen)}",
            admitted_at=now,
            settled_at=now,
        )
        ledger[entry.key] = entry
    return state.model_copy(update={"ledger": ledger})


def _entry(
    request: AdmissionRequest,
    session_key: str,
    status: RunStatus,
    now: datetime,
    reason: str,
    covers: Covers | None,
) -> LedgerEntry:
    return LedgerEntry(
        run=request.run,
        trigger=request.trigger,
        slot=request.slot,
        session=session_key,
        covers=covers,
        status=status,
        reason=reason,
        admitted_at=now,
    )


def _with(
    state: KeeperState, session_key: str, session: SessionState, entry: LedgerEntry
) -> KeeperState:
    return state.model_copy(
        update={
            "sessions": {**state.sessions, session_key: session},
            "ledger": {**state.ledger, entry.key: entry},
        }
    )


def _without(session: SessionState, run: RunRef) -> SessionState:
    holder = session.holder
    return session.model_copy(
        update={
            "holder": None if holder is not None and holder.key == run.key else holder,
            "queue": tuple(waiter for waiter in session.queue if waiter.run.key != run.key),
        }
    )


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
    ledger = {key: entry for key, entry in state.ledger.items() if key not in gone}
    update = {"ledger": ledger, "pages": digest, "paged": state.paged + len(gone)}
    return state.model_copy(update=update)
