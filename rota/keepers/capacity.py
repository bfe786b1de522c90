"""Whose turn it is: sessions, and `limits.parallel`, shared out in order of arrival.

Pure. Arrival is the order of the ledger: an entry keeps its place from admission to end,
and an open one never leaves for a page. Forks take no turn: they neither wait for one nor
keep anybody waiting.
"""

from rota.agent_spec import SessionConcurrency
from rota.keepers.admission import AdmissionRequest
from rota.keepers.state import MOST_WAITING, MOST_WAITING_BYTES, KeeperState, SessionState
from rota.runs import RunStatus


def why_busy(state: KeeperState, session_key: str) -> str:
    """Why a newcomer cannot have the session at once; empty if it can."""
    session = state.session(session_key)
    if session.holder is not None and not _is_shared(state):
        return f"session '{session_key}' is held by {session.holder.id}"
    if session.queue:
        return f"{session.queue[0].run.id} waits for session '{session_key}' before it"
    return ""


def why_full(state: KeeperState) -> str:
    """Why a newcomer with a free session must wait all the same; empty if it need not.

    Room that others wait for and could take is theirs.
    """
    limit = _limit(state)
    if limit is None:
        return ""
    working, before = _working(state), sum(_ready(state, s) for s in state.sessions.values())
    if working + before < limit:
        return ""
    return f"limits.parallel is {limit}: {working} at work, {before} waiting before it"


def why_crowded(state: KeeperState, input_bytes: int) -> str:
    """Why a newcomer may not even wait; empty if there is room for it and its input."""
    waiting = [request for session in state.sessions.values() for request in session.queue]
    if len(waiting) >= MOST_WAITING:
        return f"{len(waiting)} runs wait already, the most is {MOST_WAITING}: start it again later"
    size = sum(state.ledger[request.run.key].input_bytes for request in waiting)
    if size + input_bytes > MOST_WAITING_BYTES:
        return (
            f"{len(waiting)} runs wait already, with {size} bytes of input, and the most with this "
            f"one's {input_bytes} is {MOST_WAITING_BYTES}: start it again later"
        )
    return ""


def next_turn(state: KeeperState) -> AdmissionRequest | None:
    """The earliest arrival that could go now; of a retired agent, the earliest that waits."""
    limit = _limit(state)
    if limit is not None and _working(state) >= limit:
        return None
    ready = {
        session.queue[0].run.key: session.queue[0]
        for session in state.sessions.values()
        if _ready(state, session)
    }
    return next((ready[key] for key in state.ledger if key in ready), None) if ready else None


def _ready(state: KeeperState, session: SessionState) -> int:
    """How many of a session's queue could go, if there were room for all."""
    if _is_shared(state):
        return len(session.queue)
    return min(1, len(session.queue)) if session.holder is None else 0


def _is_shared(state: KeeperState) -> bool:
    """True if a session may have several runs at once; of a retired agent nobody goes."""
    spec = state.spec
    return spec is None or spec.session_concurrency is SessionConcurrency.PARALLEL


def _limit(state: KeeperState) -> int | None:
    return state.spec.parallel if state.spec else None


def _working(state: KeeperState) -> int:
    entries = state.ledger.values()
    return sum(entry.status is RunStatus.RUNNING and not entry.fork for entry in entries)
