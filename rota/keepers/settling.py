"""The end of a run in the keeper: its outcome, its memory, its lease, its key.

Pure. What was recorded first stands: a report that comes again, or comes too late, is
answered with the ledger's own word and changes nothing.
"""

from datetime import datetime

from rota.coordination.upstream import UpstreamRun
from rota.keepers import account as keeper_account
from rota.keepers import baselines as keeper_baselines
from rota.keepers import blocked, dedupe, ledger
from rota.keepers.admission import MemoryChange, RunRef, Settled, Settlement, Unstopped
from rota.keepers.conversations import carried_on
from rota.keepers.state import MOST_UNSTOPPED, RECENT_EVENTS, KeeperState, LedgerEntry, SessionState
from rota.metrics import totals
from rota.runs import RunStatus, Trigger
from rota.usage import Usage


def settle(
    state: KeeperState, settlement: Settlement, now: datetime
) -> tuple[KeeperState, Settled]:
    """Record a run's end and free what it holds. Repeating it changes nothing.

    Those who wait for its key are told by `dedupe.due_outcomes`.
    """
    state = _with_unstopped(state, settlement.unstopped)
    entry = state.ledger.get(settlement.run.key)
    if entry is None:
        # The run was never admitted here (it failed before, or its entry was paged away):
        # there is nothing to free, and its own history holds its end. What it used counts.
        state = _unlisted(state, settlement)
        return keeper_account.settled(state, settlement, now), Settled(team=_team(state))
    session = state.session(entry.session)
    if entry.status.closed:
        return state, _settled(state, entry, session)
    if settlement.memory is not None and settlement.base_memory != session.memory:
        return state, Settled(conflict=True, memory=session.memory)
    changes: dict[str, object] = {}
    if settlement.memory is not None:
        changes["memory"] = settlement.memory
    succeeded = settlement.status is RunStatus.SUCCEEDED
    if succeeded and settlement.conversation is not None:
        led = carried_on(session.conversation, settlement.conversation, entry.own_slot)
        changes["conversation"] = led
    if succeeded and entry.own_slot is not None:
        newest = max(filter(None, (entry.own_slot, session.last_slot)))
        changes["last_slot"] = newest
    closed = entry.model_copy(
        update={
            "status": settlement.status,
            "reason": settlement.reason,
            "category": settlement.category,
            "settled_at": now,
            "turns": settlement.turns,
            "tool_calls": settlement.tool_calls,
            "usage": settlement.usage,
            "by_model": settlement.by_model,
            "output": settlement.output,
            "output_bytes": settlement.output_bytes,
            "output_empty": settlement.output_empty,
            "tainted": settlement.tainted,
        }
    )
    changes["baseline"] = keeper_baselines.after(state, closed, now)
    session = _without(session, settlement.run).model_copy(update=changes)
    seen = {event.id for event in state.events}
    fresh = tuple(event for event in settlement.events if event.id not in seen)
    events = (*state.events, *fresh)[-RECENT_EVENTS:]
    newest = _newest_success(state, closed)
    state = ledger.enter(state.with_session(entry.session, session), closed)
    state = state.model_copy(update={"events": events, "last_success": newest})
    state = state.model_copy(update={"totals": totals.called(state.totals, settlement.tally)})
    state = keeper_account.settled(state, settlement, now)
    state = blocked.noted(dedupe.close(state, closed), closed)
    return state, _settled(state, closed, session)


def stopped(state: KeeperState, run_key: str) -> tuple[KeeperState, bool]:
    """Forget unstopped work: somebody knows that it has stopped.

    Returns:
        The state, and whether there was any of that run.
    """
    left = tuple(each for each in state.unstopped if each.run.key != run_key)
    return state.model_copy(update={"unstopped": left}), len(left) < len(state.unstopped)


def reclaim(
    state: KeeperState,
    run: RunRef,
    now: datetime,
    *,
    began: bool = True,
    used: Usage | None = None,
) -> KeeperState:
    """Free whatever a run holds that is known to be gone without settling.

    If it `began`, what is on record of its use (`used`) is spent, and the rest of what it had
    reserved is unknown: it may be spent, for all anybody knows.
    """
    usage = Usage()
    if began:
        usage = keeper_account.lost_use(state, run, used or Usage())
        state = keeper_account.lost(state, run, used or Usage())
    reason = "the run was gone: lease reclaimed"
    gone = Settlement(run=run, status=RunStatus.FAILED, reason=reason, usage=usage)
    return settle(state, gone, now)[0]


def key_suspects(state: KeeperState) -> list[RunRef]:
    """Runs that work for a key for which others wait: are they still alive?"""
    return [held.run for held in state.keys.values() if held.waiters]


def change_memory(state: KeeperState, change: MemoryChange) -> tuple[KeeperState, Settled]:
    """Replace a session's memory head if it is still `base`."""
    session = state.session(change.session)
    if session.memory != change.base:
        return state, Settled(conflict=True, memory=session.memory)
    session = session.model_copy(update={"memory": change.memory})
    return state.with_session(change.session, session), Settled(memory=change.memory)


def _with_unstopped(state: KeeperState, unstopped: Unstopped | None) -> KeeperState:
    """Note work that may go on, once for each run; of too much, the newest."""
    if unstopped is None or any(each.run == unstopped.run for each in state.unstopped):
        return state
    return state.model_copy(update={"unstopped": (*state.unstopped, unstopped)[-MOST_UNSTOPPED:]})


def _settled(state: KeeperState, entry: LedgerEntry, session: SessionState) -> Settled:
    return Settled(
        memory=session.memory,
        status=entry.status,
        reason=entry.reason,
        category=entry.category,
        team=_team(state),
        repeated=blocked.repeats(state, entry),
    )


def _unlisted(state: KeeperState, settlement: Settlement) -> KeeperState:
    """Count what a run used that is in no ledger, as often as its account does: once."""
    if settlement.run.key in state.account.ended or not ledger.spends(state):
        return state
    used = totals.used(state.totals, settlement.usage, settlement.by_model)
    return state.model_copy(update={"totals": totals.called(used, settlement.tally)})


def _team(state: KeeperState) -> str:
    declared = state.spec or state.retired
    return declared.account_team if declared else ""


def _newest_success(state: KeeperState, closed: LedgerEntry) -> UpstreamRun | None:
    """The newest slot that succeeded, now that this entry is closed.

    Of an agent without a schedule, the newest success: what it works for may be no slot.
    """
    last, spec = state.last_success, state.spec or state.retired
    if closed.status is not RunStatus.SUCCEEDED or closed.run is None or closed.fork:
        return last
    scheduled = spec is not None and spec.schedule is not None
    if scheduled and closed.trigger is Trigger.HANDOFF:
        return last
    if last is not None and last.slot is not None:
        older = scheduled if closed.slot is None else closed.slot < last.slot
        if older:
            return last
    return UpstreamRun(
        run=closed.run, slot=closed.slot, output=closed.output, tainted=closed.tainted
    )


def _without(session: SessionState, run: RunRef) -> SessionState:
    holder = session.holder
    return session.model_copy(
        update={
            "holder": None if holder is not None and holder.key == run.key else holder,
            "queue": tuple(waiter for waiter in session.queue if waiter.run.key != run.key),
        }
    )
