"""The provider behind the double: what its sessions do, and what it was asked."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from rota.conversation import StopReason
from rota.failures import StepError
from rota.runtimes.session import SessionRequest, Told
from rota.usage import Usage


@dataclass(frozen=True)
class Says:
    """Progress, in words."""

    text: str


@dataclass(frozen=True)
class Calls:
    """Asks for results of tools, by name and arguments."""

    calls: tuple[tuple[str, dict[str, Any]], ...]


@dataclass(frozen=True)
class Waits:
    """Waits for a person on the provider's side."""

    whom: str
    tells_again: bool = False
    """Each look says so, as those of providers do that are only asked for a status."""


@dataclass(frozen=True)
class Asks:
    """Asks whether it may do these."""

    questions: tuple[str, ...]
    data: dict[str, Any] = field(default_factory=dict[str, Any])
    """The exact request, of each of them."""


@dataclass(frozen=True)
class Fails:
    """A look fails."""

    error: StepError


@dataclass(frozen=True)
class Hangs:
    """Never goes on."""


@dataclass(frozen=True)
class Ends:
    """Gives its answer."""

    text: str
    stop: StopReason = StopReason.END_TURN
    links: dict[str, str] = field(default_factory=dict)


Act = Says | Calls | Waits | Asks | Fails | Hangs | Ends


@dataclass
class FakeSession:
    """One session at the provider."""

    key: str
    told: list[Told] = field(default_factory=list)
    at: int = 0
    person_came: bool = False
    stopped: bool = False
    answers: int = 0
    """How often it was told something after its task."""


@dataclass
class FakeProvider:
    """Plays the same acts in every session; remembers what it was asked."""

    acts: list[Act] = field(default_factory=list)
    sessions: dict[str, FakeSession] = field(default_factory=dict)
    starts: int = 0
    stops: int = 0
    looks: list[str] = field(default_factory=list)
    """The cursors that watching began at."""
    requests: list[SessionRequest] = field(default_factory=list)
    step_tokens: int = 100
    """Used with each act, and told as a sum."""
    step_micros: int | None = 7
    confirms: bool = True
    gives_answer_once: bool = False
    tells_at_start: bool = True
    knows_keys: bool = True
    """A second start with the same key is the first one."""
    before_start: list[Callable[[], None]] = field(default_factory=list)
    """Called before a session is made; may raise."""
    after_start: list[Callable[[], None]] = field(default_factory=list)
    """Called once it is made and before anybody learns of it; may raise."""
    in_answer: list[Callable[[], None]] = field(default_factory=list)
    """The same, of being told."""
    looking: asyncio.Event = field(default_factory=asyncio.Event)
    """Set while, and after, a session hangs or waits under somebody's eyes."""

    def usage(self, session: FakeSession) -> Usage:
        """All it has used since it exists."""
        tokens = self.step_tokens * min(session.at + 1, len(self.acts))
        micros = self.step_micros
        return Usage(
            input_tokens=tokens,
            cost_micros=None if micros is None else micros * tokens,
        )
