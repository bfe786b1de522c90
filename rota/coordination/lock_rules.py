"""A resource lock's decisions: who holds it, who is next, whose wait is over.

Pure functions from state to state; the workflow `ResourceLock` only carries them out.
Two rules make the lock safe to use although a holder may be ended at any moment without
knowing it: at most one lease is in force, and each lease has a larger fencing number than
all before it, so that what is guarded can turn away what an ended holder still has at work.
"""

from datetime import datetime, timedelta

from rota.coordination.locks import Lease, LockAnswer, LockRequest, LockState, Waiting
from rota.keepers.admission import RunRef
from rota.language.durations import format_duration


def acquire(state: LockState, request: LockRequest, now: datetime) -> tuple[LockState, LockAnswer]:
    """Grant the lock, or a place at the end of its queue.

    A run that asks again is told of the lease or the place it has; nothing changes.
    """
    if state.lease is not None and state.lease.run.key == request.run.key:
        return state, _granted(state.name, state.lease)
    place = _place(state, request.run)
    if place:
        return state, _waits(state, request.run, place)
    if state.lease is None and not state.queue:
        return _grant(state, request, now)
    until = now + timedelta(seconds=request.wait_seconds)
    waiting = Waiting(request=request, since=now, until=until)
    state = state.model_copy(update={"queue": (*state.queue, waiting)})
    return state, _waits(state, request.run, len(state.queue))


def release(state: LockState, run: RunRef) -> LockState:
    """Take the run out of the lock: its lease, or its place in the queue. Idempotent."""
    if state.lease is not None and state.lease.run.key == run.key:
        return state.model_copy(update={"lease": None})
    if not _place(state, run):
        return state
    queue = tuple(waiting for waiting in state.queue if waiting.request.run.key != run.key)
    return state.model_copy(update={"queue": queue})


def reclaim(state: LockState, run: RunRef) -> LockState:
    """End the lease of a run that is known to be gone; another run's is left alone."""
    if state.lease is None or state.lease.run.key != run.key:
        return state
    return state.model_copy(update={"lease": None, "expired": state.expired + 1})


def turn_away(state: LockState, now: datetime) -> tuple[LockState, tuple[LockAnswer, ...]]:
    """Take those out of the queue whose wait is over; one refusal for each of them."""
    late = [waiting for waiting in state.queue if waiting.until <= now]
    if not late:
        return state, ()
    holder = state.lease.run.id if state.lease is not None else ""
    refusals = tuple(_refused(state.name, waiting, holder) for waiting in late)
    queue = tuple(waiting for waiting in state.queue if now < waiting.until)
    return state.model_copy(update={"queue": queue}), refusals


def grant_next(state: LockState, now: datetime) -> tuple[LockState, LockAnswer | None]:
    """Grant the lock to the first in the queue; None if it is held or nobody waits.

    `turn_away` comes first: whoever is in the queue counts as waiting.
    """
    if state.lease is not None or not state.queue:
        return state, None
    first, *rest = state.queue
    return _grant(state.model_copy(update={"queue": tuple(rest)}), first.request, now)


def next_end(state: LockState) -> datetime | None:
    """When the next wait ends by itself; None while nobody waits."""
    return min((waiting.until for waiting in state.queue), default=None)


def _grant(state: LockState, request: LockRequest, now: datetime) -> tuple[LockState, LockAnswer]:
    lease = Lease(run=request.run, fence=state.fence + 1, since=now)
    update = {"lease": lease, "fence": lease.fence, "granted": state.granted + 1}
    return state.model_copy(update=update), _granted(state.name, lease)


def _place(state: LockState, run: RunRef) -> int:
    """The run's place in the queue, from 1; 0 if it does not wait."""
    keys = [waiting.request.run.key for waiting in state.queue]
    return keys.index(run.key) + 1 if run.key in keys else 0


def _granted(lock: str, lease: Lease) -> LockAnswer:
    return LockAnswer(
        lock=lock, run=lease.run, granted=True, fence=lease.fence, holder=lease.run.id
    )


def _waits(state: LockState, run: RunRef, place: int) -> LockAnswer:
    before = state.lease.run if state.lease is not None else state.queue[0].request.run
    return LockAnswer(lock=state.name, run=run, granted=False, position=place, holder=before.id)


def _refused(lock: str, waiting: Waiting, holder: str) -> LockAnswer:
    wait = format_duration(timedelta(seconds=waiting.request.wait_seconds))
    reason = f"not free within {wait}" + (f"; {holder} holds it" if holder else "")
    return LockAnswer(
        lock=lock, run=waiting.request.run, granted=False, holder=holder, refused=reason
    )
