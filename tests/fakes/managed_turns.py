"""What the fake of Claude Managed Agents is to do, and the events that says it with."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Turn:
    """What a session does from being told something to its next stop."""

    says: tuple[str, ...] = ()
    calls: tuple[tuple[str, dict[str, Any]], ...] = ()
    """Custom tools it calls, named as on the wire."""
    asks: tuple[tuple[str, dict[str, Any]], ...] = ()
    """Tools of its own that need a confirmation; `server/tool` for one of an MCP server."""
    hosted: tuple[str, ...] = ()
    """Tools that workers of the environment run: it waits for them, and not for its client."""
    thinks: int = 0
    """Events of thinking before it speaks, `pause` seconds apart."""
    pause: float = 0.0
    seconds: float = 0.0
    """Time that passes before anything is said."""
    hang: bool = False
    """Never ends, until it is interrupted or the fake releases it."""
    error: tuple[str, str] | None = None
    """A `session.error`: its type and retry status."""
    stop: str = "end_turn"
    terminates: bool = False
    """Ends the session for good instead of going idle."""
    thread_seconds: float = 0.0
    """An agent that it called works so much longer, and wakes nobody."""
    stranger: str = ""
    """Type of an event that no client knows yet."""
    input: int = 100
    """Uncached tokens."""
    output: int = 20


INPUT_CENTS, OUTPUT_CENTS = 1, 5
"""What a token costs in the fake: whole cents, so that any sum of turns is exact."""


@dataclass
class Tally:
    """What a session has used."""

    input: int = 0
    output: int = 0

    def add(self, turn: Turn) -> None:
        """Count a turn."""
        self.input += turn.input
        self.output += turn.output

    @property
    def cents(self) -> int:
        """What that costs."""
        return self.input * INPUT_CENTS + self.output * OUTPUT_CENTS

    def usage(self) -> dict[str, Any]:
        """As the API tells it."""
        return {
            "active_seconds": 1.5,
            "input_tokens": self.input,
            "output_tokens": self.output,
            "cache_read_input_tokens": 0,
            "cache_creation": {"ephemeral_1h_input_tokens": 0, "ephemeral_5m_input_tokens": 0},
            "list_cost": {"amount": str(self.cents), "currency": "USD"},
        }


def error_event(kind: str, retry: str) -> dict[str, Any]:
    """The body of a `session.error`."""
    return {"error": {"type": kind, "message": f"{kind} happened", "retry_status": {"type": retry}}}


def stop_event(reason: str, ids: list[str]) -> dict[str, Any]:
    """The body of a `session.status_idle`."""
    if reason == "requires_action":
        return {"stop_reason": {"type": reason, "event_ids": ids}}
    details = {"type": "refusal", "category": None, "explanation": "no"}
    return {
        "stop_reason": {"type": reason},
        "stop_details": details if reason == "refusal" else None,
    }
