"""How far a declared service is, from its answer to `status`."""

from dataclasses import dataclass
from typing import Any, Literal

from activities.providers.json_calls import Peer, Reply, required
from activities.providers.mapped_answers import value_at
from rota.failures import FailureCategory, StepError
from rota.runtime_specs.http_requests import StatusRequest

GONE = frozenset({404, 410})
"""Statuses of something that is not there any more."""

State = Literal["running", "waiting", "done", "failed", "stopped", "gone"]


@dataclass(frozen=True)
class Standing:
    """What one look found."""

    state: State
    word: str
    """The service's own word for it."""
    document: Any = None
    progress: str = ""
    """What tells of progress, if that is declared."""

    @property
    def has_ended(self) -> bool:
        """There is nothing more to wait for."""
        return self.state in ("done", "failed", "stopped", "gone")


def standing(reply: Reply, status: StatusRequest, peer: Peer) -> Standing:
    """Read an answer to `status`.

    Raises:
        StepError: classified by the HTTP status, or `outcome_invalid`: the state is missing,
            or is none of those declared.
    """
    if reply.status in GONE:
        return Standing("gone", f"HTTP {reply.status}")
    document = required(reply, peer)
    found = value_at(document, status.progress) if status.progress else None
    progress = "" if found is None else str(found)
    if status.state is None:
        state = "running" if reply.status == 202 else "done"
        return Standing(state, f"HTTP {reply.status}", document, progress)
    word = value_at(document, status.state)
    if word is None or isinstance(word, dict | list):
        raise _invalid(f"{peer.name}'s answer has no state at '{status.state}'")
    text = str(word).lower() if isinstance(word, bool) else str(word)
    return Standing(_state(text, status, peer), text, document, progress)


def _state(word: str, status: StatusRequest, peer: Peer) -> State:
    lists: tuple[tuple[State, tuple[str, ...]], ...] = (
        ("done", status.done),
        ("failed", status.failed),
        ("stopped", status.stopped),
        ("waiting", status.waiting),
        ("running", status.running),
    )
    for state, words in lists:
        if word in words:
            return state
    if status.running:
        raise _invalid(f"{peer.name} is in a state that is in no list, '{word[:80]}'")
    return "running"


def _invalid(text: str) -> StepError:
    return StepError(
        FailureCategory.OUTCOME_INVALID, f"{text}; check runtime.status", maybe_billed=True
    )
