"""The keeper's decisions: who may run, who waits, who shares another's end.

Pure functions from state to state. The workflow `Agent` only carries them out, so every
rule here is tested as a table without a server.
"""

from datetime import datetime

from rota.agent_spec import SessionConcurrency
from rota.ids import format_slot
from rota.keepers import account as keeper_account
from rota.keepers import capacity, dedupe, freezing, ledger
from rota.keepers.admission import Admission, AdmissionRequest, Decision
from rota.keepers.answers import answer, asked_again, go, merged_input, new_entry, skip
from rota.keepers.keyed import KeyState
from rota.keepers.slots import is_forced, slot_verdict
from rota.keepers.state import KeeperState, LedgerEntry
from rota.language.key_text import RunKeys, fairness_key, run_keys
from rota.language.templates import TemplateError
from rota.model import canonical_json
from rota.pinned_spec import PinnedSpec
from rota.runs import RunStatus


class UnknownAgentError(ValueError):
    """The keeper holds no declaration: nobody has applied one, or it was retired."""


def declare(state: KeeperState, spec: PinnedSpec) -> KeeperState:
    """Put `spec` in force for every later admission."""
    state = state.model_copy(update={"spec": spec, "retired": None, "blocked": ()})
    return keeper_account.declare(state, spec)


def retire(state: KeeperState) -> KeeperState:
    """Take the declaration back: no new run, and all that wait are turned away.

    `grant_next` does so with those in the queues, `dedupe.due_outcomes` with those that
    wait for a key. Runs at work may finish.
    """
    last = {"spec": None, "retired": state.spec or state.retired}
    return dedupe.turn_away(state.model_copy(update=last))


def admit(
    state: KeeperState, request: AdmissionRequest, now: datetime
) -> tuple[KeeperState, Admission]:
    """Decide on one run. Repeating a request decides nothing anew, unless no money was left.

    Raises:
        UnknownAgentError: no declaration is in force.
    """
    state = freezing.lifted(state, now)
    known = state.ledger.get(request.run.key)
    if known is not None:
        again = asked_again(state, _last_spec(state), request, known)
        again = freezing.told(state, again)
        return keeper_account.granted(state, again, request, now)
    spec = state.spec
    if spec is None:
        raise UnknownAgentError("no declaration is in force")
    entry = new_entry(request, now)
    try:
        keys = _keys(spec, request, entry)
        fairness_key(spec, merged_input(spec, request))
    except TemplateError as error:
        return skip(state, spec, request, entry, str(error))
    entry = entry.model_copy(update={"session": keys.session, "dedupe_key": keys.dedupe})
    state, request = freezing.passed_over(state, request, now)
    if frozen := freezing.why_not(state, request, now):
        return skip(state, spec, request, entry.model_copy(update={"frozen": True}), frozen)
    verdict = slot_verdict(state, request, keys.session, now)
    if verdict is not None:
        chosen = verdict.coalesced_into
        if chosen is not None:
            state = ledger.pass_over(state, request, chosen, now)
            entry = entry.model_copy(update={"coalesced_into": chosen})
        return skip(state, spec, request, entry, verdict.reason)
    same = dedupe.known(state, keys.dedupe, now)
    if same is not None and (same.status is RunStatus.RUNNING or not is_forced(state, request)):
        return _share(state, spec, request, entry, same)
    moving = freezing.moving(state)
    # It may wait for people for a day: nobody else stands still for what is only tried.
    busy = "" if entry.fork else capacity.why_busy(moving, keys.session)
    full = "" if entry.fork else capacity.why_full(moving)
    if busy and spec.session_concurrency is SessionConcurrency.SKIP:
        return skip(state, spec, request, entry, busy)
    wait = freezing.why_waits(state, request) or busy or full
    if wait:
        return _queue(state, spec, request, entry, wait)
    state = dedupe.hold(state, keys.dedupe, request.run, now)
    state, admission = go(state, spec, request, entry)
    return keeper_account.granted(state, admission, request, now)


def grant_next(state: KeeperState, now: datetime) -> tuple[KeeperState, Admission | None]:
    """Answer the earliest arrival that waits and can go; None if there is none.

    Call it until it gives None. The answer is *go*, or *skip* once the agent is retired
    or its new declaration needs a value that the run lacks. A run keeps the session and
    the key it queued with, whatever a later declaration says of them.
    """
    state = freezing.lifted(state, now)
    request = capacity.next_turn(freezing.moving(state))
    if request is None:
        return state, None
    entry = state.ledger[request.run.key]
    session = state.session(entry.session)
    queue = tuple(each for each in session.queue if each.run.key != request.run.key)
    rest = session.model_copy(update={"queue": queue})
    state = state.with_session(entry.session, rest)
    spec = state.spec
    if spec is None:
        ended = entry.model_copy(update={"settled_at": now})
        return skip(state, _last_spec(state), request, ended, dedupe.RETIRED)
    try:
        fairness_key(spec, merged_input(spec, request))
    except TemplateError as error:
        ended = entry.model_copy(update={"settled_at": now})
        return skip(state, spec, request, ended, str(error))
    entry = entry.model_copy(update={"let_go_at": now})
    state, admission = go(state, spec, request, entry)
    return keeper_account.granted(state, admission, request, now)


def waiting_sessions(state: KeeperState) -> tuple[str, ...]:
    """Sessions in which somebody waits."""
    return tuple(key for key, session in state.sessions.items() if session.queue)


def _keys(spec: PinnedSpec, request: AdmissionRequest, entry: LedgerEntry) -> RunKeys:
    keys = run_keys(spec, merged_input(spec, request))
    # What another run came to is just what a fork wants to know better.
    return RunKeys(session=keys.session) if entry.fork else keys


def _share(
    state: KeeperState,
    spec: PinnedSpec,
    request: AdmissionRequest,
    entry: LedgerEntry,
    same: KeyState,
) -> tuple[KeeperState, Admission]:
    """Give a run the end, present or to come, of the run with the same key."""
    shared: dict[str, object] = {"same_as": same.run}
    if same.status is not RunStatus.RUNNING:
        done = entry.model_copy(update={**shared, "output": same.output})
        reason = f"already done by {same.run.id} at {format_slot(same.at)}"
        return skip(state, spec, request, done, reason)
    shared["status"] = RunStatus.QUEUED
    shared["reason"] = f"{same.run.id} has the same key '{entry.dedupe_key}': sharing its end"
    entry = entry.model_copy(update=shared)
    state = ledger.enter(dedupe.join(state, entry.dedupe_key, request.run), entry)
    return state, answer(state, spec, request, entry, Decision.JOIN)


def _queue(
    state: KeeperState,
    spec: PinnedSpec,
    request: AdmissionRequest,
    entry: LedgerEntry,
    reason: str,
) -> tuple[KeeperState, Admission]:
    size = len(canonical_json(request.input))
    if crowded := capacity.why_crowded(state, size):
        return skip(state, spec, request, entry, crowded)
    state = dedupe.hold(state, entry.dedupe_key, request.run, entry.admitted_at)
    session = state.session(entry.session)
    session = session.model_copy(update={"queue": (*session.queue, request)})
    queued = {"status": RunStatus.QUEUED, "reason": reason, "input_bytes": size}
    entry = entry.model_copy(update=queued)
    state = ledger.enter(state.with_session(entry.session, session), entry)
    return state, answer(state, spec, request, entry, Decision.WAIT)


def _last_spec(state: KeeperState) -> PinnedSpec:
    """The declaration in force, or the one taken back since."""
    spec = state.spec or state.retired
    if spec is None:
        raise UnknownAgentError("no declaration is in force")
    return spec
