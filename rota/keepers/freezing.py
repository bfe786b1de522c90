"""What a frozen keeper lets go on, what it keeps waiting, and what it turns away.

Pure. A freeze says that nothing new is to start: slots, events and people are turned away,
orders and those in the queues wait for the thaw, and only what a run at work needs for its
own end is let in. Slots that come meanwhile are lost to it, one ledger entry each, and are
not caught up on after it: whoever wants them asks for a backfill.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from rota.ids import format_slot
from rota.keepers import ledger
from rota.keepers.admission import Admission, AdmissionRequest, Decision
from rota.keepers.freeze import (
    Freeze,
    FreezeChange,
    FreezeMode,
    FreezeRequest,
    FreezeScope,
    PastFreeze,
)
from rota.keepers.slots import LATE, is_forced
from rota.keepers.state import KeeperState, LedgerEntry, SessionState
from rota.runs import RunStatus, Trigger

PAST_FREEZES = 20
"""Ended freezes that a keeper remembers: a slot older than these is caught up on as ever."""
EARLIER_FREEZES = 10
PARTS = (Trigger.HANDOFF, Trigger.UPSTREAM)
"""Runs that another run needs for its own end."""


class FreezeRefusedError(ValueError):
    """A freeze that cannot be; the message says what to do."""


def freeze(
    state: KeeperState, request: FreezeRequest, now: datetime
) -> tuple[KeeperState, FreezeChange]:
    """Freeze the keeper. The same request again changes nothing.

    A further freeze never makes the first one weaker: the later end holds, and a cancel; runs
    that were at work before the first are those that may end.

    Raises:
        FreezeRefusedError: `until` has passed already.
    """
    if request.until is not None and request.until <= now:
        raise FreezeRefusedError(
            f"it would have ended at {format_slot(request.until)}: name a time to come"
        )
    state = lifted(state, now)
    before = state.freeze
    if before is None:
        after = Freeze.model_validate({**request.model_dump(), "at": now})
    else:
        after = _joined(before, request)
    changed = state.model_copy(update={"freeze": after})
    return changed, FreezeChange(before=before, after=after)


def thaw(state: KeeperState, by: str, now: datetime) -> tuple[KeeperState, FreezeChange]:
    """End every freeze of this keeper. Again, or without one, it changes nothing."""
    state = lifted(state, now)
    before = state.freeze
    if before is not None:
        state = _ended(state, PastFreeze(freeze=before, ended=now, by=by))
    return state, FreezeChange(before=before, after=None)


def lifted(state: KeeperState, now: datetime) -> KeeperState:
    """The state without a freeze whose time is over; it ended when it said, not now."""
    held = state.freeze
    if held is None or held.until is None or now < held.until:
        return state
    return _ended(state, PastFreeze(freeze=held, ended=held.until))


def rest(state: KeeperState, now: datetime) -> timedelta | None:
    """How long until the freeze ends by itself; None if there is none, or it does not."""
    if state.freeze is None or state.freeze.until is None:
        return None
    return max(state.freeze.until - now, timedelta(0))


def why_not(state: KeeperState, request: AdmissionRequest, now: datetime) -> str:
    """Why a newcomer is turned away because of a freeze; empty if it is not.

    Of a slot that came while the keeper was frozen, also after the thaw: it was meant not to
    run. A run of an order is no newcomer: it waits.
    """
    if state.freeze is not None:
        waits = may_go(state.freeze, request) or is_ordered(state, request)
        return "" if waits else state.freeze.text
    if request.trigger is not Trigger.SCHEDULE or request.backfill or is_forced(state, request):
        return ""
    past = _past_of(state, request.slot)
    jitter = timedelta(seconds=state.spec.jitter_seconds if state.spec else 0.0)
    if past is None or request.slot is None or now - request.slot <= LATE + jitter:
        return ""
    return past.text


def why_waits(state: KeeperState, request: AdmissionRequest) -> str:
    """Why a run that is not turned away has to wait for the thaw; empty if it need not."""
    if state.freeze is None or may_go(state.freeze, request):
        return ""
    return f"{state.freeze.text}; it waits for the thaw"


def may_go(held: Freeze, request: AdmissionRequest) -> bool:
    """True of a part of a run that was at work before: it is needed to end that one well."""
    lineage = request.lineage
    if held.mode is FreezeMode.CANCEL or lineage is None or lineage.began is None:
        return False
    return request.trigger in PARTS and lineage.began <= held.at


def is_ordered(state: KeeperState, request: AdmissionRequest) -> bool:
    """True of a run that the keeper itself has started for an order."""
    return any(order.run_id == request.run.id for order in state.orders)


def moving(state: KeeperState) -> KeeperState:
    """The state as those see it who may go: nobody is in their way who waits for the thaw."""
    held = state.freeze
    if held is None or state.spec is None:
        return state
    sessions: dict[str, SessionState] = {}
    for key, session in state.sessions.items():
        queue = tuple(request for request in session.queue if may_go(held, request))
        sessions[key] = session.model_copy(update={"queue": queue})
    return state.model_copy(update={"sessions": sessions})


def passed_over(
    state: KeeperState, request: AdmissionRequest, now: datetime
) -> tuple[KeeperState, AdmissionRequest]:
    """Note the passed slots that are lost to a freeze; the request is left with the others."""
    known = {entry.own_slot for entry in state.ledger.values()}
    left: list[datetime] = []
    for slot in request.passed_slots:
        held = state.freeze or _past_of(state, slot)
        if held is None:
            left.append(slot)
        elif slot not in known:
            state = ledger.enter(state, _note(slot, held.text, now))
    return state, request.model_copy(update={"passed_slots": tuple(left)})


def told(state: KeeperState, admission: Admission) -> Admission:
    """The answer to a run that waits, with the freeze as the reason if that holds it."""
    held = state.freeze
    if held is None or admission.decision is not Decision.WAIT:
        return admission
    queue = state.session(admission.session).queue
    request = next((each for each in queue if each.run.key == admission.run.key), None)
    why = why_waits(state, request) if request is not None else ""
    return admission.model_copy(update={"reason": why}) if why else admission


def lost_slots(entries: Iterable[LedgerEntry], since: datetime, until: datetime) -> list[datetime]:
    """Slots that a freeze from `since` to `until` took, oldest first.

    Args:
        entries: The whole ledger, pages included.
        since: When it began.
        until: When it ended; now, if it has not.
    """
    found: set[datetime] = set()
    for entry in entries:
        slot = entry.own_slot
        if not entry.frozen or entry.trigger is not Trigger.SCHEDULE or slot is None:
            continue
        # A slot that was late already when the freeze began is one of its, too.
        if since <= slot < until or since <= entry.admitted_at < until:
            found.add(slot)
    return sorted(found)


def _note(slot: datetime, reason: str, now: datetime) -> LedgerEntry:
    return LedgerEntry(
        trigger=Trigger.SCHEDULE,
        slot=slot,
        status=RunStatus.SKIPPED,
        reason=reason,
        frozen=True,
        admitted_at=now,
        settled_at=now,
    )


def _joined(before: Freeze, request: FreezeRequest) -> Freeze:
    """Both freezes as one, in the newer one's words; one that is known already adds none."""
    wider = _SCOPES.index(request.scope) > _SCOPES.index(before.scope)
    update: dict[str, object] = {
        "until": max(before.until, request.until) if before.until and request.until else None,
        "mode": max(before.mode, request.mode, key=_MODES.index),
        "scope": request.scope if wider else before.scope,
    }
    known = (f"{before.by}: {before.reason}", *before.earlier)
    if f"{request.by}: {request.reason}" not in known:
        update |= {"by": request.by, "reason": request.reason, "earlier": known[:EARLIER_FREEZES]}
    return before.model_copy(update=update)


_MODES = (FreezeMode.DRAIN, FreezeMode.CANCEL)
_SCOPES = (FreezeScope.AGENT, FreezeScope.TEAM, FreezeScope.ALL)


def _ended(state: KeeperState, past: PastFreeze) -> KeeperState:
    thawed = (*state.thawed, past)[-PAST_FREEZES:]
    return state.model_copy(update={"freeze": None, "thawed": thawed})


def _past_of(state: KeeperState, slot: datetime | None) -> PastFreeze | None:
    """The freeze that was in force when the slot came."""
    if slot is None:
        return None
    found = (past for past in state.thawed if past.freeze.at <= slot < past.ended)
    return next(found, None)
