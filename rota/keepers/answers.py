"""What a decision writes into the keeper's ledger, and what it tells the run.

Pure. The rules are in `rota.keepers.rules`; here a run goes or is skipped, and a request that
comes again gets the answer that the ledger remembers.
"""

from datetime import datetime
from typing import Any

from rota.agent_spec import Continuing, SessionConcurrency
from rota.approvals.rules import requester_of
from rota.checks import baseline
from rota.keepers import dedupe, ledger
from rota.keepers.admission import Admission, AdmissionRequest, Decision
from rota.keepers.conversations import beginning
from rota.keepers.state import KeeperState, LedgerEntry
from rota.language.key_text import fairness_key
from rota.language.templates import TemplateError
from rota.pinned_spec import PinnedSpec
from rota.runs import RunStatus


def merged_input(spec: PinnedSpec, request: AdmissionRequest) -> dict[str, Any]:
    """The declared input with the run's own keys laid over."""
    return {**spec.input, **request.input}


def new_entry(request: AdmissionRequest, now: datetime) -> LedgerEntry:
    """The entry of a run that presents itself."""
    return LedgerEntry(
        run=request.run,
        trigger=request.trigger,
        slot=request.slot,
        status=RunStatus.RUNNING,
        fork=request.lineage is not None and request.lineage.fork is not None,
        cause=request.lineage.cause if request.lineage else "",
        own_input=bool(request.input),
        admitted_at=now,
    )


def go(
    state: KeeperState, spec: PinnedSpec, request: AdmissionRequest, entry: LedgerEntry
) -> tuple[KeeperState, Admission]:
    """Let the run work, as holder of its session unless that may be shared, or it is a fork."""
    key = entry.session
    if spec.session_concurrency is not SessionConcurrency.PARALLEL and not entry.fork:
        session = state.session(key)
        state = state.with_session(key, session.model_copy(update={"holder": request.run}))
    covers = ledger.covers_of(state, key, entry.own_slot)
    running = {"status": RunStatus.RUNNING, "reason": "", "covers": covers}
    entry = entry.model_copy(update=running)
    state = ledger.enter(state, entry)
    return state, answer(state, spec, request, entry, Decision.GO)


def skip(
    state: KeeperState,
    spec: PinnedSpec,
    request: AdmissionRequest,
    entry: LedgerEntry,
    reason: str,
) -> tuple[KeeperState, Admission]:
    """Close the run's entry without work; those who wait for its key learn of it."""
    skipped = {
        "status": RunStatus.SKIPPED,
        "reason": reason,
        "settled_at": entry.settled_at or entry.admitted_at,
    }
    entry = entry.model_copy(update=skipped)
    state = dedupe.close(ledger.enter(state, entry), entry)
    return state, answer(state, spec, request, entry, Decision.SKIP)


def asked_again(
    state: KeeperState, spec: PinnedSpec, request: AdmissionRequest, known: LedgerEntry
) -> Admission:
    """The answer to a request that was decided before, read from the ledger."""
    decision = Decision.SKIP
    if known.status is RunStatus.QUEUED:
        decision = Decision.WAIT if known.same_as is None else Decision.JOIN
    elif known.status is RunStatus.RUNNING:
        decision = Decision.GO
    elif known.status is not RunStatus.SKIPPED:
        ended = f"this run already ended as {known.status}"
        known = known.model_copy(update={"reason": ended})
    return answer(state, spec, request, known, decision)


def answer(
    state: KeeperState,
    spec: PinnedSpec,
    request: AdmissionRequest,
    entry: LedgerEntry,
    decision: Decision,
) -> Admission:
    """What the run is told."""
    input = merged_input(spec, request)
    session = state.session(entry.session)
    continues = spec.continuing is Continuing.SAME
    return Admission(
        decision=decision,
        run=request.run,
        reason=entry.reason,
        spec=spec,
        input=input,
        session=entry.session,
        memory=session.memory,
        conversation=beginning(session.conversation, entry.own_slot) if continues else None,
        slot=entry.slot,
        baseline=baseline.known(session.baseline, spec.baseline, entry.own_slot),
        covers=entry.covers,
        coalesced_into=entry.coalesced_into,
        lineage=request.lineage,
        began=_began(request, entry),
        same_as=entry.same_as,
        output=entry.output if entry.same_as is not None else None,
        fairness_key=_fairness_key(spec, input),
        requester=requester_of(request.by, request.trigger, spec.applied_by, spec.schedule_id),
    )


def _began(request: AdmissionRequest, entry: LedgerEntry) -> datetime:
    above = request.lineage.began if request.lineage else None
    return above or entry.admitted_at


def _fairness_key(spec: PinnedSpec, input: dict[str, Any]) -> str | None:
    try:
        return fairness_key(spec, input)
    except TemplateError:
        # The run is skipped for it, or it was let go under an earlier declaration, and
        # a share of the workers is no reason to take back a decision.
        return None
