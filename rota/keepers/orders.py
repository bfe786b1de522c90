"""Runs that a keeper owes: re-runs that waiters asked for, and people's backfills.

Pure. An order stands until its run has come to an end in the ledger, so a keeper that is
continued as new, or whose worker dies between two starts, neither loses nor doubles one.
"""

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from functools import partial

from rota.ids import backfill_run_id, rerun_run_id
from rota.keepers import ledger
from rota.keepers.admission import RunRef
from rota.keepers.run_orders import RECENT_BACKFILLS, Backfill, BackfillRequest, RunOrder
from rota.keepers.state import KeeperState, LedgerEntry
from rota.runs import RunStatus, Trigger

MOST_ORDERS = 4000
"""Orders outstanding at a time: some 200 bytes each, carried at every continue-as-new."""
STARTS_AT_ONCE = 20
"""Runs started in one go: a second or two, during which no session is granted."""


class BackfillRefusedError(ValueError):
    """A backfill that cannot be taken on; the message says what to do."""


def request_rerun(state: KeeperState, slot: datetime) -> KeeperState:
    """Order one more run of `slot`.

    Changes nothing while a run of it is still owed, or if no declaration is in force.
    """
    if order_of(state, slot) is not None:
        return state
    spec = state.spec
    if spec is None:
        return state
    run_id = _unused(state, _taken(state), slot, partial(rerun_run_id, spec.name, slot))
    order = RunOrder(run_id=run_id, slot=slot, trigger=Trigger.RERUN)
    return state.model_copy(update={"orders": (*state.orders, order)})


def request_backfill(
    state: KeeperState, request: BackfillRequest, now: datetime
) -> tuple[KeeperState, Backfill]:
    """Order a run of each slot. The same id again changes nothing and tells how far it is.

    Raises:
        BackfillRefusedError: nothing is declared, or too many runs are owed already.
    """
    for known in state.backfills:
        if known.id == request.id:
            return state, known
    spec = state.spec
    if spec is None:
        raise BackfillRefusedError(
            "no declaration is in force: run 'rota apply' in the fleet that declares it, then "
            "ask for the backfill again"
        )
    slots = tuple(dict.fromkeys(slot.replace(microsecond=0) for slot in request.slots))
    if len(state.orders) + len(slots) > MOST_ORDERS:
        raise BackfillRefusedError(
            f"{len(state.orders)} runs are ordered already, and {len(slots)} more would be above "
            f"{MOST_ORDERS}: ask for fewer slots, or wait until earlier backfills are done"
        )
    taken = _taken(state)
    orders = tuple(
        RunOrder(
            run_id=_unused(state, taken, slot, partial(backfill_run_id, spec.name, slot)),
            slot=slot,
            trigger=Trigger.BACKFILL,
            batch=request.id,
            force=request.force,
            checked=request.checked,
            by=request.by,
        )
        for slot in slots
    )
    backfill = Backfill(
        id=request.id, total=len(slots), max_parallel=request.max_parallel, asked_at=now
    )
    backfills = _recent((*state.backfills, backfill))
    update = {"orders": (*state.orders, *orders), "backfills": backfills}
    return state.model_copy(update=update), backfill


def due_orders(state: KeeperState) -> tuple[RunOrder, ...]:
    """Orders to be started now, in order, at most `STARTS_AT_ONCE`.

    Re-runs at once; of each backfill as many as may be at work beside those that are. None
    while the keeper is frozen: they wait for the thaw.
    """
    if state.spec is None or state.freeze is not None or not state.orders:
        return ()
    admitted = _by_run_id(state)
    room = {backfill.id: backfill.max_parallel for backfill in state.backfills}
    waiting: list[RunOrder] = []
    for order in state.orders:
        if order.run is not None or order.run_id in admitted:
            room[order.batch] = room.get(order.batch, 0) - 1
        else:
            waiting.append(order)
    due: list[RunOrder] = []
    for order in waiting:
        if order.batch:
            if room.get(order.batch, 1) <= 0:
                continue
            room[order.batch] = room.get(order.batch, 1) - 1
        due.append(order)
        if len(due) == STARTS_AT_ONCE:
            break
    return tuple(due)


def confirmed(state: KeeperState, refs: list[RunRef]) -> KeeperState:
    """Note which runs the server has started; ones whose order is dropped are ignored."""
    started = {ref.id: ref for ref in refs}
    orders = tuple(
        order.model_copy(update={"run": started[order.run_id]})
        if order.run is None and order.run_id in started
        else order
        for order in state.orders
    )
    return state.model_copy(update={"orders": orders})


def started_runs(state: KeeperState) -> tuple[RunRef, ...]:
    """Runs of orders that have begun and are not known to have ended."""
    if not state.orders:
        return ()
    admitted = _by_run_id(state)
    known = (
        # The ledger's own word first: an id that was found taken may name another run.
        admitted[order.run_id].run if order.run_id in admitted else order.run
        for order in state.orders
    )
    return tuple(run for run in known if run is not None)


def lost(state: KeeperState, run: RunRef, now: datetime) -> KeeperState:
    """Note that a started run is gone, which its keeper never heard of.

    It gets an entry all the same: its slot did not succeed, and its id is used up.
    """
    order = next((order for order in state.orders if order.run == run), None)
    if order is None or order.run_id in _by_run_id(state):
        return state
    entry = LedgerEntry(
        run=run,
        trigger=order.trigger,
        slot=order.slot,
        status=RunStatus.FAILED,
        reason="the run was gone before it was admitted",
        admitted_at=now,
        settled_at=now,
    )
    return ledger.enter(state, entry)


def closed_orders(state: KeeperState) -> KeeperState:
    """Drop the orders whose runs have ended, and count them for their backfills."""
    if not state.orders:
        return state
    admitted = _by_run_id(state)
    ended: Counter[tuple[str, str]] = Counter()
    open_orders: list[RunOrder] = []
    for order in state.orders:
        entry = admitted.get(order.run_id)
        if entry is not None and entry.status.closed:
            ended[order.batch, _COUNTED_AS.get(entry.status, "failed")] += 1
        else:
            open_orders.append(order)
    return _without(state, open_orders, ended)


def withdraw(state: KeeperState) -> KeeperState:
    """Give up what was not started yet: nobody works for a declaration taken back."""
    admitted = _by_run_id(state)
    begun = {o.run_id for o in state.orders if o.run is not None or o.run_id in admitted}
    kept = [order for order in state.orders if order.run_id in begun]
    ended = Counter((order.batch, "skipped") for order in state.orders if order.run_id not in begun)
    return _without(state, kept, ended)


def order_of(state: KeeperState, slot: datetime) -> RunOrder | None:
    """The first run that is owed for `slot`."""
    return next((order for order in state.orders if order.slot == slot), None)


_COUNTED_AS = {RunStatus.SUCCEEDED: "succeeded", RunStatus.SKIPPED: "skipped"}


def _without(
    state: KeeperState, kept: list[RunOrder], ended: Counter[tuple[str, str]]
) -> KeeperState:
    if not ended:
        return state
    backfills = tuple(
        backfill.model_copy(
            update={
                outcome: getattr(backfill, outcome) + ended[backfill.id, outcome]
                for outcome in ("succeeded", "failed", "skipped")
            }
        )
        for backfill in state.backfills
    )
    return state.model_copy(update={"orders": tuple(kept), "backfills": _recent(backfills)})


def _recent(backfills: tuple[Backfill, ...]) -> tuple[Backfill, ...]:
    """Forget the oldest that are done, beyond the newest `RECENT_BACKFILLS`."""
    surplus = len(backfills) - RECENT_BACKFILLS
    done = [backfill.id for backfill in backfills if backfill.done == backfill.total]
    forgotten = set(done[: max(0, surplus)])
    return tuple(backfill for backfill in backfills if backfill.id not in forgotten)


def _by_run_id(state: KeeperState) -> dict[str, LedgerEntry]:
    return {entry.run.id: entry for entry in state.ledger.values() if entry.run is not None}


def _taken(state: KeeperState) -> set[str]:
    """Workflow ids of all runs that are known, or owed."""
    entered = {entry.run.id for entry in state.ledger.values() if entry.run is not None}
    return entered | {order.run_id for order in state.orders}


def _unused(
    state: KeeperState, taken: set[str], slot: datetime, numbered: Callable[[int], str]
) -> str:
    """The id with the lowest number that no run has, nor can have on a page."""
    number = 1 + (state.paged if ledger.is_paged(state, slot) else 0)
    while numbered(number) in taken:
        number += 1
    return numbered(number)
