"""What the contract suite needs of a runtime: it on its strict fake, scripted and counted.

One bench per runtime, in `tests/contract/<kind>_bench.py`, each a subclass; the suite plays
every promise with each of them. A fake serves on a real socket (or is a real program), speaks
the vendor's wire format, refuses what the vendor refuses, and runs on a thread of its own, so
that worker processes reach it too.

    async with OpenAIBench() as bench:
        bench.answer("done", tokens=Tokens(input=100, output=20))
        run it with runtime=bench.settings()
        assert bench.starts == 1
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from types import TracebackType
from typing import Any, ClassVar, Self

from rota.failures import FailureCategory
from rota.runtimes.kind import RuntimeKind


@dataclass(frozen=True)
class Tokens:
    """What the fake says was used."""

    input: int = 100
    """Uncached."""
    output: int = 20


class RuntimeBench(ABC):
    """A runtime and its fake. Scripted answers are played in order, one per start or turn."""

    kind: ClassVar[RuntimeKind]
    can_hang: ClassVar[bool] = True
    """False: a hang belongs to a turn, not to a request, so asking again meets it again."""

    @abstractmethod
    async def __aenter__(self) -> Self:
        """Start the fake on a free loopback port."""

    @abstractmethod
    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop it.

        Raises if it was asked for something the vendor would have refused, or for which no
        answer was scripted, unless `expect_refusals` was called.
        """

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables that a worker needs (keys behind `env:` references)."""
        return {}

    @abstractmethod
    def settings(self, **more: Any) -> dict[str, Any]:
        """The `runtime` block, pointed at the fake, with short polls and limits."""

    # -- what the provider will do -----------------------------------------------------------

    @abstractmethod
    def answer(self, text: str, tokens: Tokens = Tokens(), *, seconds: float = 0.0) -> None:
        """Work for `seconds`, then answer `text`."""

    @abstractmethod
    def call_tool(self, name: str, args: dict[str, Any], tokens: Tokens = Tokens()) -> None:
        """Ask for one tool call (Rota's name of it). Only if the kind has `tools`."""

    @abstractmethod
    def fail(self, category: FailureCategory, *, retry_after: float | None = None) -> bool:
        """Fail the next request in the vendor's way of saying `category`.

        Returns:
            False if this vendor has no way of saying it: nothing was scripted.
        """

    @abstractmethod
    def cut(self) -> bool:
        """Do the work, and break the connection in the middle of the answer.

        False if the runtime has no answer that can be cut.
        """

    @abstractmethod
    def hang(self) -> None:
        """Take the next request (or start the work), and never end it until `release`."""

    @abstractmethod
    def trickle(self, text: str, *, pause: float, pieces: int) -> bool:
        """Answer in pieces, `pause` seconds apart. False if the runtime sees no pieces."""

    @abstractmethod
    def release(self) -> None:
        """End every hang."""

    def lose(self) -> bool:
        """Forget the newest session, as if it had expired. False for models."""
        return False

    @abstractmethod
    def expect_refusals(self) -> None:
        """Refused and unscripted requests are what the test is about."""

    # -- what it saw -------------------------------------------------------------------------

    @property
    @abstractmethod
    def starts(self) -> int:
        """How often billable work was begun: model turns, or sessions that were told a task."""

    @property
    def stops(self) -> int:
        """How often it was told to stop. 0 for models."""
        return 0

    @property
    def results(self) -> list[str]:
        """Contents of the tool results it was given, in order."""
        return []

    # -- what must come out ------------------------------------------------------------------

    @abstractmethod
    def cost_micros(self, tokens: Tokens) -> int | None:
        """What the run must say it cost; None: unpriced.

        Worked out by hand in each bench, not by the code under test.
        """

    @property
    def tells_usage(self) -> bool:
        """Whether tokens come out exactly."""
        return self.kind.capabilities.usage
