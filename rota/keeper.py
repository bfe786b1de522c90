"""The keeper's decisions: who may run, who waits, what a settlement changes.

Pure functions from state to state. The workflow `Agent` only carries them out, so every
rule here is tested as a table without a server.
"""

from datetime import datetime
from typing import Any

from rota import capacity, ledger
from rota.admission import (
    Admission,
    AdmissionRequest,
    Decision,
    RunRef,
)
from rota.agent_spec import SessionConcurrency
from rota.keeper_state import KeeperState, LedgerEntry
from rota.model import canonical_json
from rota.pinned_spec import PinnedSpec
from rota.runs import RunStatus
from rota.slots import slot_verdict
from rota.template import TemplateError, render


class UnknownAgentError(ValueError):
    """The keeper holds no declaration: nobody has applied one, or it was retired."""


def declare(state: KeeperState, spec: PinnedSpec) -> KeeperState:
    """Put `spec` in force for every later admission."""
    return state.model_copy(update={"spec": spec, "retired": None})


def retire(state: KeeperState) -> KeeperState:
    """Take the declaration back: no new run, and `grant_next` turns away those that wait."""
    return state.model_copy(update={"spec": None, "retired": state.spec or state.retired})


def admit(
    state: KeeperState, request: AdmissionRequest, now: datetime
) -> tuple[KeeperState, Admission]:
    """Decide on one run. Repeating a request changes nothing and decides nothing anew.

    Raises:
        UnknownAgentError: no declaration is in force.
    """
    known = state.ledger.get(request.run.key)
    if known is not None:
        return state, _repeated(state, request, known)
    spec = state.spec
    if spec is None:
        raise UnknownAgentError("no declaration is in force")
    try:
        session_key = _session_key(spec, request)
    except TemplateError as error:
        reason = f"session key '{spec.session_key}': {error}"
        return _skip(state, spec, request, _entry(request, "", now), reason)
    entry = _entry(request, session_key, now)
    verdict = slot_verdict(state, request, session_key, now)
    if verdict is not None:
        chosen = verdict.coalesced_into
        if chosen is not None:
            state = ledger.pass_over(state, request, chosen, now)
        return _skip(state, spec, request, entry, verdict.reason, chosen)
    session = state.session(session_key)
    busy = session.holder or (session.queue[0].run if session.queue else None)
    if busy is None or spec.session_concurrency is SessionConcurrency.PARALLEL:
        return _go(state, spec, request, entry)
    reason = _held(session_key, busy)
    if spec.session_concurrency is SessionConcurrency.SKIP:
        return _skip(state, spec, request, entry, reason)
    session = session.model_copy(update={"queue": (*session.queue, request)})
    entry = entry.model_copy(update={"status": RunStatus.QUEUED, "reason": reason})
    state = ledger.enter(state.with_session(session_key, session), entry)
    return state, _answer(state, spec, request, entry, Decision.WAIT)


def grant_next(state: KeeperState, now: datetime) -> tuple[KeeperState, Admission | None]:
    """Answer the earliest that waits and can go; None if there is none.

    Call it until it gives None. The answer is *go*, or *skip* once the agent is retired.
    A run keeps the session it queued for, whatever a later declaration says of its key.
    """
    request = capacity.next_turn(state)
    if request is None:
        return state, None
    entry = state.ledger[request.run.key]
    session = state.session(entry.session)
    popped = state.with_session(
        entry.session, session.model_copy(update={"queue": session.queue[1:]})
    )
    spec = state.spec
    if spec is None:
        reason = "the agent was retired while this run waited"
        entry = entry.model_copy(update={"settled_at": now})
        return _skip(popped, _last_spec(state), request, entry, reason)
    return _go(popped, spec, request, entry)


def waiting_sessions(state: KeeperState) -> tuple[str, ...]:
    """Sessions in which somebody waits."""
    return tuple(key for key, session in state.sessions.items() if session.queue)


def _session_key(spec: PinnedSpec, request: AdmissionRequest) -> str:
    key = render(spec.session_key, {"input": _merged(spec, request)})
    if key is None:
        # Runs that lack the value would otherwise share one session, and its memory.
        raise TemplateError("it is null; give a default: {input.name|none}")
    return key if isinstance(key, str) else canonical_json(key).decode()


def _merged(spec: PinnedSpec, request: AdmissionRequest) -> dict[str, Any]:
    return {**spec.input, **request.input}


def _held(session_key: str, by: RunRef) -> str:
    return f"session '{session_key}' is held by {by.id}"


def _last_spec(state: KeeperState) -> PinnedSpec:
    """The declaration in force, or the one taken back since."""
    spec = state.spec or state.retired
    if spec is None:
        raise UnknownAgentError("no declaration is in force")
    return spec


def _repeated(state: KeeperState, request: AdmissionRequest, known: LedgerEntry) -> Admission:
    """The answer to a request that was decided before, read from the ledger."""
    decision = Decision.SKIP
    if known.status is RunStatus.QUEUED:
        decision = Decision.WAIT
    elif known.status is RunStatus.RUNNING:
        decision = Decision.GO
    elif known.status is not RunStatus.SKIPPED:
        ended = f"this run already ended as {known.status}"
        known = known.model_copy(update={"reason": ended})
    return _answer(state, _last_spec(state), request, known, decision)


def _answer(
    state: KeeperState,
    spec: PinnedSpec,
    request: AdmissionRequest,
    entry: LedgerEntry,
    decision: Decision,
) -> Admission:
    session = state.session(entry.session)
    return Admission(
        decision=decision,
        run=request.run,
        reason=entry.reason,
        spec=spec,
        input=_merged(spec, request),
        session=entry.session,
        memory=session.memory,
        slot=entry.slot,
        covers=entry.covers,
        coalesced_into=entry.coalesced_into,
    )


def _go(
    state: KeeperState, spec: PinnedSpec, request: AdmissionRequest, entry: LedgerEntry
) -> tuple[KeeperState, Admission]:
    key = entry.session
    if spec.session_concurrency is not SessionConcurrency.PARALLEL:
        session = state.session(key)
        state = state.with_session(key, session.model_copy(update={"holder": request.run}))
    covers = ledger.covers_of(state, key, entry.slot)
    running = {"status": RunStatus.RUNNING, "reason": "", "covers": covers}
    entry = entry.model_copy(update=running)
    state = ledger.enter(state, entry)
    return state, _answer(state, spec, request, entry, Decision.GO)


def _skip(
    state: KeeperState,
    spec: PinnedSpec,
    request: AdmissionRequest,
    entry: LedgerEntry,
    reason: str,
    coalesced_into: datetime | None = None,
) -> tuple[KeeperState, Admission]:
    skipped = {
        "status": RunStatus.SKIPPED,
        "reason": reason,
        "coalesced_into": coalesced_into,
        "settled_at": entry.settled_at or entry.admitted_at,
    }
    entry = entry.model_copy(update=skipped)
    state = ledger.enter(state, entry)
    return state, _answer(state, spec, request, entry, Decision.SKIP)


def _entry(request: AdmissionRequest, session_key: str, now: datetime) -> LedgerEntry:
    return LedgerEntry(
        run=request.run,
        trigger=request.trigger,
        slot=request.slot,
        session=session_key,
        status=RunStatus.RUNNING,
        admitted_at=now,
    )
