"""Whose turn it is: the order of those that wait, across sessions.

Pure. Arrival is the order of the ledger: an entry keeps its place from admission to end,
and an open one never leaves for a page.
"""

from rota.admission import AdmissionRequest
from rota.agent_spec import SessionConcurrency
from rota.keeper_state import KeeperState


def next_turn(state: KeeperState) -> AdmissionRequest | None:
    """The earliest arrival that could go now; of a retired agent, the earliest that waits."""
    ready = {
        session.queue[0].run.key: session.queue[0]
        for session in state.sessions.values()
        if session.queue and (_never_held(state) or session.holder is None)
    }
    return next((ready[key] for key in state.ledger if key in ready), None)


def _never_held(state: KeeperState) -> bool:
    spec = state.spec
    return spec is None or spec.session_concurrency is SessionConcurrency.PARALLEL
